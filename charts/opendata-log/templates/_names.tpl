{{/* Names and labels. Names are cut so that what Kubernetes appends still fits. */}}

{{- define "opendata-log.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end }}

{{- define "opendata-log.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else if contains (include "opendata-log.name" .) .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "opendata-log.name" .) | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end }}

{{- define "opendata-log.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "opendata-log.serverName" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- define "opendata-log.claimName" -}}
{{- default (printf "%s-cache" (include "opendata-log.fullname" .)) .Values.cache.existingClaim -}}
{{- end }}

{{- define "opendata-log.tlsSecret" -}}
{{- default (printf "%s-tls" (include "opendata-log.fullname" .)) .Values.tls.existingSecret -}}
{{- end }}

{{- define "opendata-log.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .Chart.AppVersion $image.tag) -}}
{{- end -}}
{{- end }}

{{/* What a Service or a monitor finds the pod by. It cannot be changed in a Deployment that is there. */}}
{{- define "opendata-log.selectorLabels" -}}
app.kubernetes.io/name: {{ include "opendata-log.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* Those of the pod of `helm test`: not what the Service selects by, or it would route requests to that pod. */}}
{{- define "opendata-log.testLabels" -}}
app.kubernetes.io/name: {{ include "opendata-log.name" . }}-test
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{/* Those of the pods of backups: not what the Service selects by, either. */}}
{{- define "opendata-log.backupLabels" -}}
app.kubernetes.io/name: {{ include "opendata-log.name" . }}-backup
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "opendata-log.backupName" -}}
{{- include "opendata-log.fullname" . }}-backup
{{- end }}

{{- define "opendata-log.backupServiceAccountName" -}}
{{- if .Values.backup.serviceAccount.create -}}
{{- default (include "opendata-log.backupName" .) .Values.backup.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.backup.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{/* Those of the pods of read-only servers: not what the writer's Service selects by. They cannot be changed either. */}}
{{- define "opendata-log.readerLabels" -}}
app.kubernetes.io/name: {{ include "opendata-log.name" . }}-reader
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: reader
{{- end }}

{{/* Shorter than the full name by two, so that Kubernetes does not cut the names of the pods, which the alerts match. */}}
{{- define "opendata-log.readersName" -}}
{{- include "opendata-log.fullname" . | trunc 38 | trimSuffix "-" }}-readers
{{- end }}

{{- define "opendata-log.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "opendata-log.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The annotations of everything and those given as `more`, if there are any: (dict "root" $ "more" …). */}}
{{- define "opendata-log.annotations" -}}
{{- with merge (dict) (default dict .more) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* `http` or `https`, as clients speak to the log. */}}
{{- define "opendata-log.scheme" -}}
{{- ternary "https" "http" .Values.tls.enabled -}}
{{- end }}

{{/* Where the server that writes is in the cluster. */}}
{{- define "opendata-log.writerUrl" -}}
{{- include "opendata-log.scheme" . }}://{{ include "opendata-log.fullname" . }}.{{ .Release.Namespace }}.svc:{{ .Values.service.port }}
{{- end }}

{{/* The name of the port that has metrics and health. */}}
{{- define "opendata-log.adminPort" -}}
{{- ternary "admin" "http" .Values.admin.enabled -}}
{{- end }}
