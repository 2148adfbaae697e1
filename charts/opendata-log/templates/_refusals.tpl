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

{{- $stop := include "opendata-log.milliseconds" $c.shutdown.timeout | int64 -}}
{{- if le (mul $v.terminationGracePeriodSeconds 1000) $stop }}{{ fail (printf "terminationGracePeriodSeconds (%d) must be more than config.shutdown.timeout (%s): Kubernetes would kill the server before everything acknowledged is flushed" (int $v.terminationGracePeriodSeconds) $c.shutdown.timeout) }}{{ end -}}
{{- $open := include "opendata-log.milliseconds" $c.timeouts.open | int64 -}}
{{- $start := mul $v.startupProbe.periodSeconds $v.startupProbe.failureThreshold 1000 -}}
{{- if le $start $open }}{{ fail (printf "startupProbe allows %d s, which must be more than config.timeouts.open (%s): Kubernetes would repeatedly kill a server that is replaying its WAL" (int (div $start 1000)) $c.timeouts.open) }}{{ end -}}
{{- $check := default "2s" $c.timeouts.check -}}
{{- range $probe, $seconds := dict "readinessProbe" $v.readinessProbe.timeoutSeconds "startupProbe" $v.startupProbe.timeoutSeconds -}}
{{- if le (mul $seconds 1000) (include "opendata-log.milliseconds" $check | int64) }}{{ fail (printf "%s.timeoutSeconds (%d) must be more than config.timeouts.check (%s), or the reason why the server is not ready is never seen" $probe (int $seconds) $check) }}{{ end -}}
{{- end -}}

{{- if eq $v.cache.type "none" -}}
{{- if $c.cache }}{{ fail "config.cache is set, but cache.type is none" }}{{ end -}}
{{- else -}}
{{- if and (eq $v.cache.type "localNvme") (not $v.cache.storageClass) }}{{ fail "cache.type=localNvme needs cache.storageClass: the StorageClass of the local volumes" }}{{ end -}}
{{- if and $v.cache.existingClaim (ne $v.cache.type "pvc") }}{{ fail (printf "cache.existingClaim is set, but cache.type is %s" $v.cache.type) }}{{ end -}}
{{- with $c.cache -}}{{- with .max_bytes -}}
{{- $size := include "opendata-log.bytes" $v.cache.size | int64 -}}
{{- if ge (include "opendata-log.bytes" . | int64) $size }}{{ fail (printf "config.cache.max_bytes (%v) must be less than cache.size (%s): a full volume stops the cache" . $v.cache.size) }}{{ end -}}
{{- end -}}{{- end -}}
{{- end -}}

{{- if $v.tls.enabled -}}
{{- if and (not $v.tls.existingSecret) (not $v.tls.certManager.enabled) }}{{ fail "tls.enabled needs tls.existingSecret, or tls.certManager.enabled to make one" }}{{ end -}}
{{- if and $v.tls.certManager.enabled (not $v.tls.certManager.issuerRef.name) }}{{ fail "tls.certManager.enabled needs tls.certManager.issuerRef.name" }}{{ end -}}
{{- else if or $v.tls.existingSecret $v.tls.certManager.enabled }}{{ fail "tls.existingSecret or tls.certManager is set, but tls.enabled is false: the server would speak plain HTTP" }}{{ end -}}

{{- $o := $v.objectStore -}}
{{- if and (hasPrefix "http://" $o.endpoint) (not $o.allowHttp) }}{{ fail (printf "objectStore.endpoint (%s) is plain HTTP: records and credentials would be readable on the network; set objectStore.allowHttp=true to allow this" $o.endpoint) }}{{ end -}}
{{- if and $o.credentialsSecret.name $v.serviceAccount.roleArn }}{{ fail "objectStore.credentialsSecret and serviceAccount.roleArn are both set: static credentials would win and the role would never be used" }}{{ end -}}
{{- if and $v.serviceAccount.roleArn (not $v.serviceAccount.create) }}{{ fail "serviceAccount.roleArn is set, but serviceAccount.create is false: annotate your own ServiceAccount" }}{{ end -}}

{{- if and $v.admin.enabled (eq (int $v.admin.port) 8080) }}{{ fail "admin.port must not be 8080: the log itself is served there" }}{{ end -}}
{{- if and $v.serviceMonitor.enabled $v.podMonitor.enabled }}{{ fail "serviceMonitor and podMonitor are both enabled: everything would be scraped twice" }}{{ end -}}
{{- if and (or $v.serviceMonitor.enabled $v.podMonitor.enabled) $v.auth.existingSecret (not $v.admin.enabled) (not $v.serviceMonitor.bearerTokenSecret.name) }}{{ fail "with auth.existingSecret the metrics need a token: set serviceMonitor.bearerTokenSecret.name, or admin.enabled=true to have them on a port of their own" }}{{ end -}}
{{- if and (or $v.serviceMonitor.enabled $v.podMonitor.enabled) $v.networkPolicy.enabled (not $v.networkPolicy.monitoring) }}{{ fail "networkPolicy would lock Prometheus out of the metrics: name it in networkPolicy.monitoring" }}{{ end -}}
{{- if and $v.prometheusRule.enabled (not $v.prometheusRule.runbookUrl) }}{{ fail "prometheusRule.enabled needs prometheusRule.runbookUrl: where docs/operations.md is on your web, otherwise the alerts have no runbook" }}{{ end -}}
{{- $ways := include "opendata-log.waysIn" . -}}
{{- if and $ways (not (or $v.auth.existingSecret $v.auth.iKnowThatEverybodyCanWrite)) }}{{ fail (printf "%s leads to the log from outside of the cluster, and auth.existingSecret is empty: anyone there could read, append and delete everything; set auth.existingSecret, or auth.iKnowThatEverybodyCanWrite=true to allow this" $ways) }}{{ end -}}
{{- $plain := include "opendata-log.plainWaysIn" . -}}
{{- if and $plain $v.auth.existingSecret (not $v.tls.iKnowThatEverybodyCanEavesdrop) }}{{ fail (printf "%s leads to the log from outside of the cluster without TLS: tokens and records could be read on the way; set %s, or tls.iKnowThatEverybodyCanEavesdrop=true if something in front of it ends TLS or that network is trusted" $plain (ternary "tls.enabled" "ingress.tls" (hasPrefix "service" $plain))) }}{{ end -}}
{{- if and $v.ingress.enabled (not $v.ingress.hosts) }}{{ fail "ingress.enabled needs ingress.hosts" }}{{ end -}}
{{- if and $v.httpRoute.enabled (not $v.httpRoute.parentRefs) }}{{ fail "httpRoute.enabled needs httpRoute.parentRefs: the Gateway that it belongs to" }}{{ end -}}
{{- if and $v.httpRoute.enabled $v.tls.enabled }}{{ fail "httpRoute.enabled and tls.enabled are both set: a Gateway speaks plain HTTP to what an HTTPRoute names; let the Gateway end TLS, or leave httpRoute off and make the route and its BackendTLSPolicy yourself" }}{{ end -}}
{{- if $v.backup.enabled }}{{ include "opendata-log.backupRefusals" . }}{{ end -}}
{{- end }}

{{/* What leads to the log from outside of the cluster. */}}
{{- define "opendata-log.waysIn" -}}
{{- $ways := list -}}
{{- if .Values.ingress.enabled }}{{ $ways = append $ways "ingress" }}{{ end -}}
{{- if .Values.httpRoute.enabled }}{{ $ways = append $ways "httpRoute" }}{{ end -}}
{{- if ne .Values.service.type "ClusterIP" }}{{ $ways = append $ways (printf "service.type=%s" .Values.service.type) }}{{ end -}}
{{- join " and " $ways -}}
{{- end }}

{{/* The first of them that is known to lead there without TLS. Of an HTTPRoute only its Gateway's listeners say that. */}}
{{- define "opendata-log.plainWaysIn" -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.tls) -}}
ingress
{{- else if and (ne .Values.service.type "ClusterIP") (not .Values.tls.enabled) -}}
service.type={{ .Values.service.type }}
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
