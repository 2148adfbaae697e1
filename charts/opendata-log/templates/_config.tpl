{{/* The server's configuration file: what the user gives in `config`, and what follows from the other values. */}}
{{- define "opendata-log.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $_ := set $config "port" 8080 -}}
{{- if .Values.admin.enabled -}}
{{- $_ := set $config "admin" (dict "host" $config.host "port" .Values.admin.port) -}}
{{- end -}}
{{- if .Values.tls.enabled -}}
{{- $_ := set $config "tls" (dict "certificate" "/etc/opendata-log/tls/tls.crt" "key" "/etc/opendata-log/tls/tls.key") -}}
{{- end -}}
{{- if .Values.auth.existingSecret -}}
{{- $_ := set $config "auth" (merge (dict "tokens" "/etc/opendata-log/auth/tokens") (default dict $config.auth)) -}}
{{- end -}}
{{- if ne .Values.cache.type "none" -}}
{{- $cache := default dict $config.cache -}}
{{- $_ := set $cache "dir" "/var/cache/opendata-log/parts" -}}
{{- if not $cache.max_bytes -}}
{{- $_ := set $cache "max_bytes" (printf "%dMiB" (div (mul (include "opendata-log.bytes" .Values.cache.size) 85) 104857600)) -}}
{{- end -}}
{{- $_ := set $config "cache" $cache -}}
{{- end -}}
{{- with .Values.cluster -}}
{{- if .enabled -}}
{{- $cluster := dict "enabled" true "partitions" (int .partitions) "heartbeat" .heartbeat "dead_after" .deadAfter "moves" (int .moves) -}}
{{- if .token.existingSecret -}}
{{- $_ := set $cluster "token_file" "/etc/opendata-log/nodes/token" -}}
{{- end -}}
{{- if $.Values.tls.enabled -}}
{{- $_ := set $cluster "ca" "/etc/opendata-log/nodes/ca.crt" -}}
{{- end -}}
{{- $_ := set $config "cluster" $cluster -}}
{{- end -}}
{{- end -}}
{{- $storage := $config.storage -}}
{{- if not $storage.s3.region -}}
{{- $_ := unset $storage.s3 "region" -}}
{{- end -}}
{{- if not $storage.s3.bucket -}}
{{- $_ := unset $storage "s3" -}}
{{- end -}}
{{- if not $config.slatedb -}}
{{- $_ := unset $config "slatedb" -}}
{{- end -}}
{{- toYaml $config -}}
{{- end }}
