{{/* Arithmetic with the notations of Kubernetes (100Gi) and of the server (64MiB, 1m 30s). */}}

{{/* A size as a number of bytes: plain, or with a unit of 1000 (k, M, G, T) or of 1024 (Ki, Mi, Gi, Ti), B or not. */}}
{{- define "opendata-log.bytes" -}}
{{- if kindIs "string" . -}}
{{- $text := . | replace " " "" | lower | trimSuffix "b" -}}
{{- $number := regexFind "^[0-9.]+" $text | float64 -}}
{{- $unit := regexFind "[a-z]+$" $text -}}
{{- $factors := dict "" 1 "k" 1e3 "m" 1e6 "g" 1e9 "t" 1e12 "ki" 1024 "mi" 1048576 "gi" 1073741824 "ti" 1099511627776 -}}
{{- if not (hasKey $factors $unit) }}{{ fail (printf "%q is no size that the chart understands; write it as 100Gi" .) }}{{ end -}}
{{- mulf $number (get $factors $unit) | int64 -}}
{{- else -}}
{{- int64 . -}}
{{- end -}}
{{- end }}

{{/* A time such as `45s`, `10m` or `1m 30s`, as a number of milliseconds. */}}
{{- define "opendata-log.milliseconds" -}}
{{- $sum := 0 -}}
{{- $units := dict "ms" 1 "s" 1000 "sec" 1000 "m" 60000 "min" 60000 "h" 3600000 "hour" 3600000 "hours" 3600000 "d" 86400000 "day" 86400000 "days" 86400000 -}}
{{- $parts := regexFindAll "[0-9]+ *[a-z]+" . -1 -}}
{{- if not $parts }}{{ fail (printf "%q is no time that the chart understands; write it as 45s" .) }}{{ end -}}
{{- range $part := $parts -}}
{{- $unit := regexFind "[a-z]+" $part -}}
{{- if not (hasKey $units $unit) }}{{ fail (printf "%q is no time that the chart understands; write it as 45s" $part) }}{{ end -}}
{{- $sum = add $sum (mul (regexFind "[0-9]+" $part | int64) (get $units $unit)) -}}
{{- end -}}
{{- $sum -}}
{{- end }}
