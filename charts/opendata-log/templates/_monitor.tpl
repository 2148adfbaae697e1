{{/* One endpoint of a ServiceMonitor or of a PodMonitor: they are alike. */}}
{{- define "opendata-log.endpoint" -}}
{{- $monitor := .Values.serviceMonitor -}}
port: {{ include "opendata-log.adminPort" . }}
path: /metrics
interval: {{ $monitor.interval }}
scrapeTimeout: {{ $monitor.scrapeTimeout }}
{{- if and .Values.tls.enabled (not .Values.admin.enabled) }}
scheme: https
tlsConfig:
  {{- with $monitor.tlsConfig }}
  {{- toYaml . | nindent 2 }}
  {{- else }}
  ca:
    secret:
      name: {{ include "opendata-log.tlsSecret" . | quote }}
      key: ca.crt
  serverName: {{ include "opendata-log.fullname" . }}
  {{- end }}
{{- end }}
{{- if and $monitor.bearerTokenSecret.name (not .Values.admin.enabled) }}
authorization:
  type: Bearer
  credentials:
    name: {{ $monitor.bearerTokenSecret.name | quote }}
    key: {{ $monitor.bearerTokenSecret.key | quote }}
{{- end }}
relabelings:
  # The operator calls the port `endpoint`, and would rename the server's own label of that name, which is the route.
  - action: labeldrop
    regex: endpoint
  # Which of the two kinds of servers it is, for queries of your own.
  - targetLabel: role
    replacement: {{ ternary "reader" (ternary "node" "writer" .Values.cluster.enabled) (hasKey . "Reader") }}
  {{- with $monitor.relabelings }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $monitor.metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/*
What picks the writer's series, in alerts and in the dashboards: the labels that a ServiceMonitor, a PodMonitor, the kubelet
and kube-state-metrics all put on them. The pattern is that of a Deployment's pods, so that `log` does not mean `log-b` too. In a cluster it is
that of a StatefulSet's pods.
*/}}
{{- define "opendata-log.seriesSelector" -}}
namespace="{{ .Release.Namespace }}",pod=~"{{ include "opendata-log.fullname" . }}-{{ ternary "[0-9]+" "[a-z0-9]+-[a-z0-9]{5}" .Values.cluster.enabled }}"
{{- end }}

{{/* The same for read-only servers, which the pattern of the writer does not match: their pods have one part more. */}}
{{- define "opendata-log.readersSelector" -}}
namespace="{{ .Release.Namespace }}",pod=~"{{ include "opendata-log.readersName" . }}-[a-z0-9]+-[a-z0-9]{5}"
{{- end }}

{{/* The series of every server of the release. */}}
{{- define "opendata-log.everySelector" -}}
{{- if include "opendata-log.hasReaders" . -}}
namespace="{{ .Release.Namespace }}",pod=~"({{ include "opendata-log.fullname" . }}|{{ include "opendata-log.readersName" . }})-[a-z0-9]+-[a-z0-9]{5}"
{{- else -}}
{{ include "opendata-log.seriesSelector" . }}
{{- end -}}
{{- end }}
