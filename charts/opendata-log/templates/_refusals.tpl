{{/* What the schema cannot say: values that contradict each other. The first line of the Deployment includes this. */}}
{{- define "opendata-log.refusals" -}}
{{- $v := .Values -}}
{{- $c := $v.config -}}
{{- if not $v.image.repository }}{{ fail "image.repository is required: build the image with the Dockerfile, push it, and set its registry and repository" }}{{ end -}}
{{- $gcs := default dict $c.storage.gcs -}}
{{- $azure := default dict $c.storage.azure -}}
{{- $places := list -}}
{{- if $c.storage.in_memory }}{{ $places = append $places "config.storage.in_memory" }}{{ end -}}
{{- if $c.storage.s3.bucket }}{{ $places = append $places "config.storage.s3.bucket" }}{{ end -}}
{{- if $gcs.bucket }}{{ $places = append $places "config.storage.gcs.bucket" }}{{ end -}}
{{- if $azure.container }}{{ $places = append $places "config.storage.azure.container" }}{{ end -}}
{{- if not $places }}{{ fail "config.storage.s3.bucket is required: the log lives in an S3 bucket, or in config.storage.gcs.bucket, or in config.storage.azure.container (config.storage.in_memory=true is for trials)" }}{{ end -}}
{{- if gt (len $places) 1 }}{{ fail (printf "%s contradict each other: data lives in one place" (join " and " $places)) }}{{ end -}}
{{- if and $azure.container (not $azure.account) }}{{ fail "config.storage.azure.container is set, but config.storage.azure.account is not" }}{{ end -}}

{{- if $c.read_only }}{{ fail "config.read_only is set: no server of this release would write the log; leave it out, and set readers.replicas to the number of read-only servers" }}{{ end -}}
{{- range $v.extraEnv }}{{ if eq (toString .name) "LOG_READ_ONLY" }}{{ fail "extraEnv sets LOG_READ_ONLY, also for the server that writes; leave it out, and set readers.replicas to the number of read-only servers" }}{{ end }}{{ end -}}
{{- range $name := list "writer_url" "writer_token_file" }}{{ if get (default dict $c.reader) $name }}{{ fail (printf "config.reader.%s is set, also for the server that writes, which would not start; set readers.forwardToWriter=true, or readers.config.reader.%s" $name $name) }}{{ end }}{{ end -}}
{{- range $v.extraEnv }}{{ if has (toString .name) (list "LOG_CLUSTER__ENABLED" "LOG_CLUSTER__PARTITIONS" "LOG_CLUSTER__NODE" "LOG_CLUSTER__ADVERTISE" "LOG_CLUSTER__HEARTBEAT" "LOG_CLUSTER__DEAD_AFTER" "LOG_CLUSTER__MOVES" "LOG_CLUSTER__TOKEN_FILE" "LOG_CLUSTER__CA") }}{{ fail (printf "extraEnv sets %s, which the chart sets; leave it out, and set the values below cluster" .name) }}{{ end }}{{ end -}}
{{- if $v.cluster.enabled }}{{ include "opendata-log.clusterRefusals" . }}
{{- else if $v.cluster.autoscaling.enabled }}{{ fail "cluster.autoscaling.enabled is set, but cluster.enabled is false: a log that is not in partitions has one server" }}{{ end -}}
{{- include "opendata-log.serverRefusals" . -}}
{{- if include "opendata-log.hasReaders" . }}{{ include "opendata-log.readerRefusals" . }}{{ end -}}

{{- if $v.tls.enabled -}}
{{- if and (not $v.tls.existingSecret) (not $v.tls.certManager.enabled) }}{{ fail "tls.enabled needs tls.existingSecret, or tls.certManager.enabled to make one" }}{{ end -}}
{{- if and $v.tls.certManager.enabled (not $v.tls.certManager.issuerRef.name) }}{{ fail "tls.certManager.enabled needs tls.certManager.issuerRef.name" }}{{ end -}}
{{- else if or $v.tls.existingSecret $v.tls.certManager.enabled }}{{ fail "tls.existingSecret or tls.certManager is set, but tls.enabled is false: the server would speak plain HTTP" }}{{ end -}}

{{- $o := $v.objectStore -}}
{{- if and (hasPrefix "http://" $o.endpoint) (not $o.allowHttp) }}{{ fail (printf "objectStore.endpoint (%s) is plain HTTP: records and credentials would be readable on the network; set objectStore.allowHttp=true to allow this" $o.endpoint) }}{{ end -}}

{{- if and $v.admin.enabled (eq (int $v.admin.port) 8080) }}{{ fail "admin.port must not be 8080: the log itself is served there" }}{{ end -}}
{{- if and $v.serviceMonitor.enabled $v.podMonitor.enabled }}{{ fail "serviceMonitor and podMonitor are both enabled: everything would be scraped twice" }}{{ end -}}
{{- if and (or $v.serviceMonitor.enabled $v.podMonitor.enabled) $v.auth.existingSecret (not $v.admin.enabled) (not $v.serviceMonitor.bearerTokenSecret.name) }}{{ fail "with auth.existingSecret the metrics need a token: set serviceMonitor.bearerTokenSecret.name, or admin.enabled=true to have them on a port of their own" }}{{ end -}}
{{- if and (or $v.serviceMonitor.enabled $v.podMonitor.enabled) $v.networkPolicy.enabled (not $v.networkPolicy.monitoring) }}{{ fail "networkPolicy would lock Prometheus out of the metrics: name it in networkPolicy.monitoring" }}{{ end -}}
{{- if and $v.prometheusRule.enabled (not $v.prometheusRule.runbookUrl) }}{{ fail "prometheusRule.enabled needs prometheusRule.runbookUrl: where docs/operations.md is on your web, otherwise the alerts have no runbook" }}{{ end -}}
{{- $ways := include "opendata-log.waysIn" . -}}
{{- if and $ways (not (or $v.auth.existingSecret $v.auth.iKnowThatEverybodyCanWrite)) }}{{ fail (printf "%s leads to the log from outside of the cluster, and auth.existingSecret is empty: anyone there could read, append and delete everything; set auth.existingSecret, or auth.iKnowThatEverybodyCanWrite=true to allow this" $ways) }}{{ end -}}
{{- $plain := include "opendata-log.plainWaysIn" . -}}
{{- if and $plain $v.auth.existingSecret (not $v.tls.iKnowThatEverybodyCanEavesdrop) }}{{ fail (printf "%s leads to the log from outside of the cluster without TLS: tokens and records could be read on the way; set %s, or tls.iKnowThatEverybodyCanEavesdrop=true if something in front of it ends TLS or that network is trusted" $plain (ternary "ingress.tls" "tls.enabled" (eq $plain "ingress"))) }}{{ end -}}
{{- if and $v.ingress.enabled (not $v.ingress.hosts) }}{{ fail "ingress.enabled needs ingress.hosts" }}{{ end -}}
{{- if and $v.httpRoute.enabled (not $v.httpRoute.parentRefs) }}{{ fail "httpRoute.enabled needs httpRoute.parentRefs: the Gateway that it belongs to" }}{{ end -}}
{{- if and $v.httpRoute.enabled $v.tls.enabled }}{{ fail "httpRoute.enabled and tls.enabled are both set: a Gateway speaks plain HTTP to what an HTTPRoute names; let the Gateway end TLS, or leave httpRoute off and make the route and its BackendTLSPolicy yourself" }}{{ end -}}
{{- if $v.backup.enabled }}{{ include "opendata-log.backupRefusals" . }}{{ end -}}
{{- end }}

{{/* What must fit together on each server, in the context of the writer or of a read-only server. */}}
{{- define "opendata-log.serverRefusals" -}}
{{- $v := .Values -}}
{{- $c := $v.config -}}
{{- $of := ternary "readers." "" (hasKey . "Reader") -}}
{{- $stop := include "opendata-log.milliseconds" $c.shutdown.timeout | int64 -}}
{{- if le (mul $v.terminationGracePeriodSeconds 1000) $stop }}{{ fail (printf "terminationGracePeriodSeconds (%d) must be more than %sconfig.shutdown.timeout (%s): Kubernetes would kill the server before everything acknowledged is flushed" (int $v.terminationGracePeriodSeconds) $of $c.shutdown.timeout) }}{{ end -}}
{{- $open := include "opendata-log.milliseconds" $c.timeouts.open | int64 -}}
{{- $start := mul $v.startupProbe.periodSeconds $v.startupProbe.failureThreshold 1000 -}}
{{- if le $start $open }}{{ fail (printf "startupProbe allows %d s, which must be more than %sconfig.timeouts.open (%s): Kubernetes would repeatedly kill a server that is replaying its WAL" (int (div $start 1000)) $of $c.timeouts.open) }}{{ end -}}
{{- $check := default "2s" $c.timeouts.check -}}
{{- range $probe, $seconds := dict "readinessProbe" $v.readinessProbe.timeoutSeconds "startupProbe" $v.startupProbe.timeoutSeconds -}}
{{- if le (mul $seconds 1000) (include "opendata-log.milliseconds" $check | int64) }}{{ fail (printf "%s.timeoutSeconds (%d) must be more than %sconfig.timeouts.check (%s), or the reason why the server is not ready is never seen" $probe (int $seconds) $of $check) }}{{ end -}}
{{- end -}}

{{- if eq $v.cache.type "none" -}}
{{- if $c.cache }}{{ fail (printf "%sconfig.cache is set, but %scache.type is none" $of $of) }}{{ end -}}
{{- else -}}
{{- if and (eq $v.cache.type "localNvme") (not $v.cache.storageClass) }}{{ fail "cache.type=localNvme needs cache.storageClass: the StorageClass of the local volumes" }}{{ end -}}
{{- if and $v.cache.existingClaim (ne $v.cache.type "pvc") }}{{ fail (printf "cache.existingClaim is set, but cache.type is %s" $v.cache.type) }}{{ end -}}
{{- with $c.cache -}}{{- with .max_bytes -}}
{{- $size := include "opendata-log.bytes" $v.cache.size | int64 -}}
{{- if ge (include "opendata-log.bytes" . | int64) $size }}{{ fail (printf "%sconfig.cache.max_bytes (%v) must be less than %scache.size (%s): a full volume stops the cache" $of . $of $v.cache.size) }}{{ end -}}
{{- end -}}{{- end -}}
{{- end -}}
{{- $o := $v.objectStore -}}
{{- if and $o.credentialsSecret.name $v.serviceAccount.roleArn }}{{ fail (printf "%s and %sserviceAccount.roleArn are both set: static credentials would win and the role would never be used" (ternary (printf "the Secret %s" $o.credentialsSecret.name) "objectStore.credentialsSecret" (hasKey . "Reader")) $of) }}{{ end -}}
{{- if and $v.serviceAccount.roleArn (not $v.serviceAccount.create) }}{{ fail (printf "%sserviceAccount.roleArn is set, but %sserviceAccount.create is false: annotate your own ServiceAccount" $of $of) }}{{ end -}}
{{- end }}

{{/* What a cluster needs, and what does not go with it. */}}
{{- define "opendata-log.clusterRefusals" -}}
{{- $v := .Values -}}
{{- $c := $v.cluster -}}
{{- $scaling := $c.autoscaling -}}
{{- if $v.config.storage.in_memory }}{{ fail "cluster.enabled and config.storage.in_memory are both set: nodes share a log that is in a bucket" }}{{ end -}}
{{- if $v.config.storage.instance }}{{ fail "cluster.enabled and config.storage.instance are both set: the name of a node is that of its pod" }}{{ end -}}
{{- if ne $v.cache.type "none" }}{{ fail (printf "cluster.enabled needs cache.type=none, and it is %s: the nodes of a cluster have no cache on disk" $v.cache.type) }}{{ end -}}
{{- if include "opendata-log.hasReaders" . }}{{ fail "cluster.enabled and read-only servers (readers.replicas, readers.autoscaling.enabled) are both set: a read-only server cannot read the partitions of a cluster; add nodes" }}{{ end -}}
{{- $heartbeat := include "opendata-log.milliseconds" $c.heartbeat | int64 -}}
{{- if lt (include "opendata-log.milliseconds" $c.deadAfter | int64) (mul 2 $heartbeat) }}{{ fail (printf "cluster.deadAfter (%s) must be at least twice cluster.heartbeat (%s)" $c.deadAfter $c.heartbeat) }}{{ end -}}
{{- if $scaling.enabled -}}
{{- if gt (int $scaling.minNodes) (int $scaling.maxNodes) }}{{ fail (printf "cluster.autoscaling.minNodes (%d) is more than maxNodes (%d)" (int $scaling.minNodes) (int $scaling.maxNodes)) }}{{ end -}}
{{- if not (default dict $v.resources.requests).cpu }}{{ fail "cluster.autoscaling.targetCPUUtilizationPercentage is a share of resources.requests.cpu, which is not set" }}{{ end -}}
{{- end -}}
{{- $most := include "opendata-log.mostNodes" . | int -}}
{{- if gt $most (int $c.partitions) }}{{ fail (printf "cluster.%s (%d) is more than cluster.partitions (%d): some nodes would serve nothing" (ternary "autoscaling.maxNodes" "nodes" $scaling.enabled) $most (int $c.partitions)) }}{{ end -}}
{{- if and $c.certificateAuthority.configMap (not $v.tls.enabled) }}{{ fail "cluster.certificateAuthority.configMap is set, but tls.enabled is false: the authority would not be used" }}{{ end -}}
{{- if and $c.token.existingSecret (not $v.auth.existingSecret) }}{{ fail "cluster.token.existingSecret is set, but auth.existingSecret is empty: nodes that accept every request need no token" }}{{ end -}}
{{- $hosts := default list (default dict $v.config.http).allowed_hosts -}}
{{- if kindIs "string" $hosts }}{{ $hosts = splitList "," (nospace $hosts) }}{{ end -}}
{{- if and $hosts (not (has "*" $hosts)) -}}
{{- range $number := until $most -}}
{{- $host := printf "%s-%d.%s" (include "opendata-log.fullname" $) $number (include "opendata-log.nodesDomain" $) -}}
{{- if not (or (has $host $hosts) (has (printf "%s:8080" $host) $hosts)) }}{{ fail (printf "the name of a node, %s, is not in config.http.allowed_hosts: it would refuse what other nodes pass on to it" $host) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* What read-only servers need. */}}
{{- define "opendata-log.readerRefusals" -}}
{{- $r := .Values.readers -}}
{{- $scaling := $r.autoscaling -}}
{{- if .Values.config.storage.in_memory }}{{ fail "readers and config.storage.in_memory are both set: no other server can read a log in memory; keep it in a bucket, for example config.storage.s3.bucket, or set readers.replicas=0" }}{{ end -}}
{{- if $r.config.storage }}{{ fail "readers.config.storage is set: read-only servers read the log of config.storage, and nothing else" }}{{ end -}}
{{- if hasKey $r.config "read_only" }}{{ fail "readers.config.read_only is set: the chart sets it, to true" }}{{ end -}}
{{- if $r.forwardToWriter -}}
{{- $hosts := default list (default dict .Values.config.http).allowed_hosts -}}
{{- if kindIs "string" $hosts }}{{ $hosts = splitList "," (nospace $hosts) }}{{ end -}}
{{- $host := printf "%s.%s.svc" (include "opendata-log.fullname" .) .Release.Namespace -}}
{{- $allowed := or (has "*" $hosts) (has $host $hosts) (has (printf "%s:%d" $host (int .Values.service.port)) $hosts) -}}
{{- if and $hosts (not $allowed) (not (include "opendata-log.ownWriterUrl" .)) }}{{ fail (printf "readers.forwardToWriter is set, but %s is not in config.http.allowed_hosts: the server that writes would refuse all that is forwarded to it" $host) }}{{ end -}}
{{- else -}}
{{- if $r.writerToken.existingSecret }}{{ fail "readers.writerToken.existingSecret is set, but readers.forwardToWriter is false: the token would not be used" }}{{ end -}}
{{- if $r.writerCertificateAuthority.configMap }}{{ fail "readers.writerCertificateAuthority.configMap is set, but readers.forwardToWriter is false: the authority would not be used" }}{{ end -}}
{{- end -}}
{{- if $scaling.enabled -}}
{{- if gt (int $r.replicas) 0 }}{{ fail (printf "readers.replicas (%d) and readers.autoscaling.enabled contradict each other: set readers.replicas to 0, and readers.autoscaling.minReplicas and maxReplicas" (int $r.replicas)) }}{{ end -}}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) }}{{ fail (printf "readers.autoscaling.minReplicas (%d) is more than maxReplicas (%d)" (int $scaling.minReplicas) (int $scaling.maxReplicas)) }}{{ end -}}
{{- if not (or $scaling.targetCPUUtilizationPercentage $scaling.targetLagSeconds) }}{{ fail "readers.autoscaling.enabled needs a target: targetCPUUtilizationPercentage or targetLagSeconds" }}{{ end -}}
{{- if and $scaling.targetCPUUtilizationPercentage (not (default dict $r.resources.requests).cpu) }}{{ fail "readers.autoscaling.targetCPUUtilizationPercentage is a share of readers.resources.requests.cpu, which is not set" }}{{ end -}}
{{- end -}}
{{- $context := dict "root" . -}}
{{- include "opendata-log.asReader" $context -}}
{{- include "opendata-log.serverRefusals" $context.reader -}}
{{- if and $r.serviceAccount.create .Values.serviceAccount.create (eq (include "opendata-log.serviceAccountName" $context.reader) (include "opendata-log.serviceAccountName" .)) }}{{ fail (printf "readers.serviceAccount.name (%s) is that of the writer: set readers.serviceAccount.create=false to use one account for both" $r.serviceAccount.name) }}{{ end -}}
{{- end }}

{{/* What leads to the log from outside of the cluster. */}}
{{- define "opendata-log.waysIn" -}}
{{- $ways := list -}}
{{- if .Values.ingress.enabled }}{{ $ways = append $ways "ingress" }}{{ end -}}
{{- if .Values.httpRoute.enabled }}{{ $ways = append $ways "httpRoute" }}{{ end -}}
{{- if ne .Values.service.type "ClusterIP" }}{{ $ways = append $ways (printf "service.type=%s" .Values.service.type) }}{{ end -}}
{{- if and (include "opendata-log.hasReaders" .) (ne .Values.readers.service.type "ClusterIP") }}{{ $ways = append $ways (printf "readers.service.type=%s" .Values.readers.service.type) }}{{ end -}}
{{- join " and " $ways -}}
{{- end }}

{{/* The first of them that is known to lead there without TLS. Of an HTTPRoute only its Gateway's listeners say that. */}}
{{- define "opendata-log.plainWaysIn" -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.tls) -}}
ingress
{{- else if and (ne .Values.service.type "ClusterIP") (not .Values.tls.enabled) -}}
service.type={{ .Values.service.type }}
{{- else if and (include "opendata-log.hasReaders" .) (ne .Values.readers.service.type "ClusterIP") (not .Values.tls.enabled) -}}
readers.service.type={{ .Values.readers.service.type }}
{{- end -}}
{{- end }}

{{/* The same for backups. */}}
{{- define "opendata-log.backupRefusals" -}}
{{- $b := .Values.backup -}}
{{- $storage := .Values.config.storage -}}
{{- $account := $b.serviceAccount -}}
{{- if $storage.in_memory }}{{ fail "backup.enabled and config.storage.in_memory are both set: a log in memory has nothing that another pod could copy" }}{{ end -}}
{{- if not (or $b.to $b.existingClaim) }}{{ fail "backup.enabled needs backup.to, for example s3://my-log-backups/my-log, or backup.existingClaim" }}{{ end -}}
{{- if and $b.to $b.existingClaim }}{{ fail "backup.to and backup.existingClaim contradict each other: backups are in one place" }}{{ end -}}
{{- range $log := include "opendata-log.logUrls" $storage | fromJsonArray -}}
{{- $to := regexReplaceAll "[?].*$" $b.to "" | trimSuffix "/" -}}
{{- if hasPrefix (printf "%s/" $log) (printf "%s/" $to) }}{{ fail (printf "backup.to (%s) is in the log itself (%s): name another prefix, best in another bucket" $b.to $log) }}{{ end -}}
{{- end -}}
{{- $secret := default .Values.objectStore.credentialsSecret.name $b.credentialsSecret.name -}}
{{- if and $secret $account.roleArn }}{{ fail (printf "backup.serviceAccount.roleArn is set, and so are the static credentials in %s: these would win and the role would never be used" $secret) }}{{ end -}}
{{- if and $account.roleArn (not $account.create) }}{{ fail "backup.serviceAccount.roleArn is set, but backup.serviceAccount.create is false: annotate your own ServiceAccount" }}{{ end -}}
{{- if and $account.create .Values.serviceAccount.create (eq (include "opendata-log.backupServiceAccountName" .) (include "opendata-log.serviceAccountName" .)) }}{{ fail (printf "backup.serviceAccount.name (%s) is that of the server: set backup.serviceAccount.create=false to use one account for both" $account.name) }}{{ end -}}
{{- if gt (int $b.activeDeadlineSeconds) (int $b.lateAfterSeconds) }}{{ fail (printf "backup.lateAfterSeconds (%d) must be at least backup.activeDeadlineSeconds (%d), or a backup that still runs is called late" (int $b.lateAfterSeconds) (int $b.activeDeadlineSeconds)) }}{{ end -}}
{{- end }}

{{/* The URLs of the log and of its WAL, as a list in JSON. */}}
{{- define "opendata-log.logUrls" -}}
{{- $wal := default dict .wal -}}
{{- $urls := list -}}
{{- range $scheme, $store := dict "s3" "s3" "gs" "gcs" -}}
{{- $own := default dict (get $ $store) -}}
{{- range $bucket := list $own.bucket (default dict (get $wal $store)).bucket -}}
{{- if $bucket }}{{ $urls = append $urls (printf "%s://%v/%v" $scheme $bucket (default "log" $own.prefix)) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $azure := default dict .azure -}}
{{- if $azure.container }}{{ $urls = append $urls (printf "az://%v/%v/%v" $azure.account $azure.container (default "log" $azure.prefix)) }}{{ end -}}
{{- toJson $urls -}}
{{- end }}
