package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"os"

	client "opendata-log/generated"
)

// What is asked for: an append of a value of so many bytes, in so many attempts.
type order struct {
	Url, Token      string
	Bytes, Attempts int
}

// Reads orders, one a line, and prints what became of each.
func outcomes() {
	connections := map[string]*client.LogAPIService{}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var asked order
		if err := json.Unmarshal(lines.Bytes(), &asked); err != nil {
			log.Fatal(err)
		}
		api, known := connections[asked.Url+asked.Token]
		if !known {
			api = connect(asked.Url, asked.Token)
			connections[asked.Url+asked.Token] = api
		}
		err := Retried(asked.Attempts, func() error { return appendOne(api, []byte("orders"), make([]byte, asked.Bytes)) })
		outcome := []any{"Appended", nil, ""}
		if err != nil {
			outcome = append(shown(err), err.Error())
		}
		line, err := json.Marshal(outcome)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(string(line))
	}
}
