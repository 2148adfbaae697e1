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
