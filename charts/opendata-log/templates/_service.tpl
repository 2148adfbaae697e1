{{/* What the Services of the writer and of read-only servers are, in the context of either. */}}
{{- define "opendata-log.serviceSpec" -}}
type: {{ .Values.service.type }}
{{- with .Values.service.loadBalancerClass }}
loadBalancerClass: {{ . | quote }}
{{- end }}
{{- with .Values.service.loadBalancerSourceRanges }}
loadBalancerSourceRanges:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.service.externalTrafficPolicy }}
externalTrafficPolicy: {{ . }}
{{- end }}
{{- with .Values.service.ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
selector:
  {{- include "opendata-log.serverLabels" . | nindent 2 }}
ports:
  - name: http
    port: {{ .Values.service.port }}
    targetPort: http
    protocol: TCP
    {{- with .Values.service.nodePort }}
    nodePort: {{ . }}
    {{- end }}
{{- end }}

{{/* The admin port has a Service of its own, which is never a load balancer: it asks for no token. */}}
{{- define "opendata-log.adminServiceSpec" -}}
type: ClusterIP
# Also while it is not ready: that is when its metrics are wanted most.
publishNotReadyAddresses: true
selector:
  {{- include "opendata-log.serverLabels" . | nindent 2 }}
ports:
  - name: admin
    port: {{ .Values.admin.port }}
    targetPort: admin
    protocol: TCP
{{- end }}

{{/* The headless Service has no address of its own: it gives each node of a cluster a name, by which the others reach it. */}}
{{- define "opendata-log.nodesServiceSpec" -}}
type: ClusterIP
clusterIP: None
{{- with .Values.service.ipFamilyPolicy }}
ipFamilyPolicy: {{ . }}
{{- end }}
# A node must be reached before it is ready, and while it hands its partitions over.
publishNotReadyAddresses: true
selector:
  {{- include "opendata-log.selectorLabels" . | nindent 2 }}
ports:
  - name: http
    port: 8080
    targetPort: http
    protocol: TCP
{{- end }}
