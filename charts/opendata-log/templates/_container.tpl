{{/* The server's container. */}}
{{- define "opendata-log.container" -}}
- name: opendata-log
  image: {{ include "opendata-log.image" . | quote }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  {{- if hasKey . "Reader" }}
  # The flag beats every variable: a server that wrote here would take over the log.
  args: [--config, /etc/opendata-log/log.yaml, --read-only]
  {{- else }}
  args: [--config, /etc/opendata-log/log.yaml]
  {{- end }}
  {{- with include "opendata-log.env" . | trim }}
  env:
    {{- . | nindent 4 }}
  {{- end }}
  {{- with .Values.extraEnvFrom }}
  envFrom:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  ports:
    - name: http
      containerPort: 8080
      protocol: TCP
    {{- if .Values.admin.enabled }}
    - name: admin
      containerPort: {{ .Values.admin.port }}
      protocol: TCP
    {{- end }}
  # Until the log is open: the other two begin after it.
  startupProbe:
    {{- include "opendata-log.probe" (dict "root" $ "path" "/-/ready" "times" .Values.startupProbe) | nindent 4 }}
  livenessProbe:
    {{- include "opendata-log.probe" (dict "root" $ "path" "/-/healthy" "times" .Values.livenessProbe) | nindent 4 }}
  readinessProbe:
    {{- include "opendata-log.probe" (dict "root" $ "path" "/-/ready" "times" .Values.readinessProbe) | nindent 4 }}
  # The last line that the server says is why it ended: `kubectl describe pod` shows it.
  terminationMessagePolicy: FallbackToLogsOnError
  resources:
    {{- toYaml .Values.resources | nindent 4 }}
  securityContext:
    {{- toYaml .Values.containerSecurityContext | nindent 4 }}
  volumeMounts:
    - name: config
      mountPath: /etc/opendata-log
      readOnly: true
    {{- if ne .Values.cache.type "none" }}
    - name: cache
      mountPath: /var/cache/opendata-log
    {{- end }}
    {{- with .Values.extraVolumeMounts }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{- define "opendata-log.probe" -}}
httpGet:
  path: {{ .path }}
  port: {{ include "opendata-log.adminPort" .root }}
  {{- if and .root.Values.tls.enabled (not .root.Values.admin.enabled) }}
  scheme: HTTPS
  {{- end }}
{{ toYaml .times }}
{{- end }}

{{- define "opendata-log.env" -}}
{{- include "opendata-log.storeEnv" (dict "root" $ "credentials" .Values.objectStore.credentialsSecret) }}
{{- if include "opendata-log.knowsWriterAuthority" . }}
{{- /* In addition to SSL_CERT_FILE if that is set, or else to the authorities of the image, which the object store may need. */}}
- name: SSL_CERT_DIR
  value: {{ ternary "" "/etc/ssl/certs:" (ne .Values.objectStore.certificateAuthority.configMap "") }}/etc/opendata-log/writer-ca
{{- end }}
{{- if .Values.cluster.enabled }}
{{- include "opendata-log.nodeEnv" . }}
{{- end }}
{{- if not .Values.auth.existingSecret }}
{{- /* The image asks for this before it listens without tokens. The chart has asked already, for every way from outside of the cluster. */}}
- name: LOG_AUTH__I_KNOW_THAT_EVERYBODY_CAN_WRITE
  value: "true"
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* How the object store is reached: (dict "root" $ "credentials" …). */}}
{{- define "opendata-log.storeEnv" -}}
{{- $o := .root.Values.objectStore }}
{{- with $o.endpoint }}
- name: AWS_ENDPOINT_URL
  value: {{ . | quote }}
{{- end }}
{{- if $o.allowHttp }}
- name: AWS_ALLOW_HTTP
  value: "true"
{{- end }}
{{- if $o.virtualHostedStyle }}
- name: AWS_VIRTUAL_HOSTED_STYLE_REQUEST
  value: "true"
{{- end }}
{{- with .credentials }}
{{- if .name }}
- name: AWS_ACCESS_KEY_ID
  valueFrom:
    secretKeyRef:
      name: {{ .name | quote }}
      key: {{ .accessKeyIdKey | quote }}
- name: AWS_SECRET_ACCESS_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .name | quote }}
      key: {{ .secretAccessKeyKey | quote }}
{{- end }}
{{- end }}
{{- if $o.certificateAuthority.configMap }}
- name: SSL_CERT_FILE
  value: /etc/opendata-log/ca/ca.crt
{{- end }}
{{- end }}

{{/*
The configuration, the certificate, the tokens and the authority are one volume. All are read again when Kubernetes
replaces them, which it does not do for single files that are mounted with `subPath`.
*/}}
{{- define "opendata-log.volumes" -}}
- name: config
  projected:
    defaultMode: 0440
    sources:
      {{- include "opendata-log.configSource" . | nindent 6 }}
      {{- if .Values.tls.enabled }}
      - secret:
          name: {{ include "opendata-log.tlsSecret" . | quote }}
          items:
            - key: tls.crt
              path: tls/tls.crt
            - key: tls.key
              path: tls/tls.key
      {{- end }}
      {{- with .Values.auth }}
      {{- if .existingSecret }}
      - secret:
          name: {{ .existingSecret | quote }}
          items:
            - key: {{ .key | quote }}
              path: auth/tokens
      {{- end }}
      {{- end }}
      {{- with include "opendata-log.authoritySource" . | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with include "opendata-log.writerSources" . | trim }}
      {{- . | nindent 6 }}
      {{- end }}
      {{- with include "opendata-log.nodeSources" . | trim }}
      {{- . | nindent 6 }}
      {{- end }}
{{- if eq .Values.cache.type "pvc" }}
- name: cache
  persistentVolumeClaim:
    claimName: {{ include "opendata-log.claimName" . | quote }}
{{- else if has .Values.cache.type (list "localNvme" "ephemeral") }}
- name: cache
  ephemeral:
    volumeClaimTemplate:
      metadata:
        labels:
          {{- include "opendata-log.serverLabels" . | nindent 10 }}
      spec:
        {{- include "opendata-log.claimSpec" . | nindent 8 }}
{{- else if eq .Values.cache.type "emptyDir" }}
- name: cache
  emptyDir:
    sizeLimit: {{ .Values.cache.size | quote }}
{{- end }}
{{- end }}

{{- define "opendata-log.configSource" -}}
- configMap:
    name: {{ include "opendata-log.serverName" . | quote }}
    items:
      - key: log.yaml
        path: log.yaml
{{- end }}

{{- define "opendata-log.authoritySource" -}}
{{- with .Values.objectStore.certificateAuthority }}
{{- if .configMap }}
- configMap:
    name: {{ .configMap | quote }}
    items:
      - key: {{ .key | quote }}
        path: ca/ca.crt
{{- end }}
{{- end }}
{{- end }}
