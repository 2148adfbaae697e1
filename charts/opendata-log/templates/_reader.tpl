{{/*
A read-only server is rendered by the templates of the writer, in a context of its own: the values below `readers` are in the place of the
writer's, and `Reader` says which of the two it is.
*/}}

{{/* Whether there are read-only servers; empty if not. */}}
{{- define "opendata-log.hasReaders" -}}
{{- if or (gt (int .Values.readers.replicas) 0) .Values.readers.autoscaling.enabled }}yes{{ end -}}
{{- end }}

{{/* Puts the context of a read-only server into the dictionary, as `reader`: (dict "root" $). */}}
{{- define "opendata-log.asReader" -}}
{{- $values := omit .root.Values "config" -}}
{{- $readers := .root.Values.readers -}}
{{- range $name := list "resources" "serviceAccount" "service" "podLabels" "podAnnotations" "nodeSelector" "tolerations" "affinity" "priorityClassName" -}}
{{- $_ := set $values $name (get $readers $name) -}}
{{- end -}}
{{- $_ := set $values "topologySpreadConstraints" (default (include "opendata-log.spread" .root | fromYamlArray) $readers.topologySpreadConstraints) -}}
{{- $_ := set $values "cache" (merge (dict "accessModes" (list "ReadWriteOnce") "existingClaim" "") $readers.cache) -}}
{{- if $readers.credentialsSecret.name -}}
{{- $_ := set $values "objectStore" (merge (dict "credentialsSecret" $readers.credentialsSecret) (omit .root.Values.objectStore "credentialsSecret")) -}}
{{- end -}}

{{- $config := deepCopy .root.Values.config -}}
{{- /* Their volume has another size, or there is none. */ -}}
{{- if eq $readers.cache.type "none" -}}
{{- $_ := unset $config "cache" -}}
{{- else if $config.cache -}}
{{- $_ := unset $config.cache "max_bytes" -}}
{{- end -}}
{{- /* A read-only server refuses it: it takes over nothing. */ -}}
{{- $_ := unset $config.storage "take_over" -}}
{{- include "opendata-log.overlay" (dict "base" $config "over" (deepCopy $readers.config)) -}}
{{- $_ := set $config "read_only" true -}}
{{- if $readers.forwardToWriter -}}
{{- $reader := default dict $config.reader -}}
{{- if not $reader.writer_url -}}
{{- $_ := set $reader "writer_url" (include "opendata-log.writerUrl" .root) -}}
{{- end -}}
{{- if and $readers.writerToken.existingSecret (not $reader.writer_token_file) -}}
{{- $_ := set $reader "writer_token_file" "/etc/opendata-log/writer/token" -}}
{{- end -}}
{{- $_ := set $config "reader" $reader -}}
{{- end -}}
{{- $_ := set $values "config" $config -}}
{{- $_ := set . "reader" (dict "Values" $values "Chart" .root.Chart "Release" .root.Release "Reader" true) -}}
{{- end }}

{{/* Puts the settings of `over` in the place of those of `base`, at any depth, also with `false` and 0: (dict "base" … "over" …). */}}
{{- define "opendata-log.overlay" -}}
{{- $base := .base -}}
{{- range $key, $value := .over -}}
{{- if and (kindIs "map" $value) (kindIs "map" (get $base $key)) -}}
{{- include "opendata-log.overlay" (dict "base" (get $base $key) "over" $value) -}}
{{- else -}}
{{- $_ := set $base $key $value -}}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Whether there are read-only servers that forward changes to the writer; empty if not. */}}
{{- define "opendata-log.forwards" -}}
{{- if .Values.readers.forwardToWriter }}{{ include "opendata-log.hasReaders" . }}{{ end -}}
{{- end }}

{{/* The URL that the user gives read-only servers in the place of that of the writer's Service, if any. */}}
{{- define "opendata-log.ownWriterUrl" -}}
{{- (default dict .Values.readers.config.reader).writer_url | default "" -}}
{{- end }}

{{/*
Whether the context is of a read-only server that is told by which authority the certificate of the writer is; empty if not. No public authority
certifies the name of a Service, but the certificate may be one of those at a URL of the user's own.
*/}}
{{- define "opendata-log.knowsWriterAuthority" -}}
{{- if and (hasKey . "Reader") .Values.readers.forwardToWriter -}}
{{- if or .Values.readers.writerCertificateAuthority.configMap (and .Values.tls.enabled (not (include "opendata-log.ownWriterUrl" .))) }}yes{{ end -}}
{{- end -}}
{{- end }}

{{/* What a read-only server needs to speak to the writer: a token, and the authority, alone in its folder. */}}
{{- define "opendata-log.writerSources" -}}
{{- $readers := .Values.readers -}}
{{- if and (hasKey . "Reader") $readers.forwardToWriter $readers.writerToken.existingSecret }}
- secret:
    name: {{ $readers.writerToken.existingSecret | quote }}
    items:
      - key: {{ $readers.writerToken.key | quote }}
        path: writer/token
{{- end }}
{{- if include "opendata-log.knowsWriterAuthority" . }}
{{- $authority := $readers.writerCertificateAuthority }}
- {{ ternary "configMap" "secret" (ne $authority.configMap "") }}:
    name: {{ default (include "opendata-log.tlsSecret" .) $authority.configMap | quote }}
    items:
      - key: {{ $authority.key | quote }}
        path: writer-ca/ca.crt
{{- end }}
{{- end }}

{{/* Over zones and nodes, as far as that is possible. */}}
{{- define "opendata-log.spread" -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "opendata-log.readerLabels" $ | nindent 6 }}
  # Only pods of one version count, so that an update ends evenly spread, too.
  matchLabelKeys: [pod-template-hash]
{{- end }}
{{- end }}

{{/* The name of the server that the context is of, and the labels of its pods. */}}
{{- define "opendata-log.serverName" -}}
{{- include (ternary "opendata-log.readersName" "opendata-log.fullname" (hasKey . "Reader")) . -}}
{{- end }}

{{- define "opendata-log.serverLabels" -}}
{{- include (ternary "opendata-log.readerLabels" "opendata-log.selectorLabels" (hasKey . "Reader")) . -}}
{{- end }}
