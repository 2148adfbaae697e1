module opendata-log

go 1.21
