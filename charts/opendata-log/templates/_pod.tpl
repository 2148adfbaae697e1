{{/* The template of a pod with the server, in the context of the writer or of a read-only server. */}}
{{- define "opendata-log.podTemplate" -}}
template:
  metadata:
    # Without the versions of chart and server, so that a new chart alone does not restart the server.
    labels:
      {{- include "opendata-log.serverLabels" . | nindent 6 }}
      {{- with merge (dict) .Values.podLabels .Values.commonLabels }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    annotations:
      checksum/config: {{ include "opendata-log.config" . | sha256sum }}
      {{- with merge (dict) .Values.podAnnotations .Values.commonAnnotations }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
  spec:
    serviceAccountName: {{ include "opendata-log.serviceAccountName" . | quote }}
    automountServiceAccountToken: {{ .Values.serviceAccount.automountToken }}
    # A Service called `log` would otherwise set LOG_PORT, and the server would refuse to start.
    enableServiceLinks: false
    terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
    securityContext:
      {{- toYaml .Values.podSecurityContext | nindent 6 }}
    {{- with .Values.image.pullSecrets }}
    imagePullSecrets:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .Values.priorityClassName }}
    priorityClassName: {{ . | quote }}
    {{- end }}
    {{- with .Values.runtimeClassName }}
    runtimeClassName: {{ . | quote }}
    {{- end }}
    {{- with .Values.nodeSelector }}
    nodeSelector:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .Values.tolerations }}
    tolerations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .Values.affinity }}
    affinity:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .Values.topologySpreadConstraints }}
    topologySpreadConstraints:
      {{- toYaml . | nindent 6 }}
    {{- else }}
    {{- if .Values.cluster.enabled }}
    topologySpreadConstraints:
      {{- include "opendata-log.nodeSpread" . | trim | nindent 6 }}
    {{- end }}
    {{- end }}
    {{- with .Values.initContainers }}
    initContainers:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    containers:
      {{- include "opendata-log.container" . | nindent 6 }}
      {{- with .Values.extraContainers }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    volumes:
      {{- include "opendata-log.volumes" . | nindent 6 }}
      {{- with .Values.extraVolumes }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
{{- end }}
