{{/* What the servers of a cluster, its nodes, have in addition to what the one server has. */}}

{{/* The headless Service that gives each node a name. */}}
{{- define "opendata-log.nodesName" -}}
{{- include "opendata-log.fullname" . }}-nodes
{{- end }}

{{/* What follows the name of a pod in the name by which the other nodes reach it. */}}
{{- define "opendata-log.nodesDomain" -}}
{{- include "opendata-log.nodesName" . }}.{{ .Release.Namespace }}.svc
{{- end }}

{{/* The most nodes that there can be. */}}
{{- define "opendata-log.mostNodes" -}}
{{- with .Values.cluster -}}
{{- ternary .autoscaling.maxNodes .nodes .autoscaling.enabled -}}
{{- end -}}
{{- end }}

{{/* The name of the node, the URL at which others reach it, and its zone. */}}
{{- define "opendata-log.nodeEnv" }}
- name: LOG_CLUSTER__NODE
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: LOG_CLUSTER__ADVERTISE
  value: {{ include "opendata-log.scheme" . }}://$(LOG_CLUSTER__NODE).{{ include "opendata-log.nodesDomain" . }}:8080
{{- if .Values.cluster.zoneFromPodLabel }}
- name: LOG_CLUSTER__ZONE
  valueFrom:
    fieldRef:
      fieldPath: metadata.labels['topology.kubernetes.io/zone']
{{- end }}
{{- end }}

{{/* What nodes need to speak to each other: a token, and the authority of their certificate. */}}
{{- define "opendata-log.nodeSources" -}}
{{- if .Values.cluster.enabled }}
{{- with .Values.cluster.token }}
{{- if .existingSecret }}
- secret:
    name: {{ .existingSecret | quote }}
    items:
      - key: {{ .key | quote }}
        path: nodes/token
{{- end }}
{{- end }}
{{- if .Values.tls.enabled }}
{{- $authority := .Values.cluster.certificateAuthority }}
- {{ ternary "configMap" "secret" (ne $authority.configMap "") }}:
    name: {{ default (include "opendata-log.tlsSecret" .) $authority.configMap | quote }}
    items:
      - key: {{ $authority.key | quote }}
        path: nodes/ca.crt
{{- end }}
{{- end }}
{{- end }}

{{/* Over zones and hosts, as far as that is possible. An update replaces one pod after the other, so pods of both versions count. */}}
{{- define "opendata-log.nodeSpread" -}}
{{- range $key := list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
- maxSkew: 1
  topologyKey: {{ $key }}
  whenUnsatisfiable: ScheduleAnyway
  labelSelector:
    matchLabels:
      {{- include "opendata-log.selectorLabels" $ | nindent 6 }}
{{- end }}
{{- end }}
