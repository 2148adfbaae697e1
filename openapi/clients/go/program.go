// The little program that every client runs against a live server: `program URL REFUSING_URL`. It prints what it sees. At the second
// URL every request ends in another error. In a cluster, TAG is what its keys begin with, and PARTITION the partition of that tag. `program outcomes` appends what it is told to, and prints what became of it.
package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"strconv"
	"time"

	client "opendata-log/generated"
)

var (
	tag   = os.Getenv("TAG")
	key   = append([]byte(tag), 0, 255, 10, 128)
	other = []byte(tag + "other")
	here  = context.Background()
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "outcomes" {
		outcomes()
		return
	}
	if len(os.Args) != 3 {
		log.Fatal("usage: program URL REFUSING_URL, or program outcomes")
	}
	if err := run(connect(os.Args[1], "")); err != nil {
		log.Fatal(err)
	}
	beRefused(connect(os.Args[2], ""))
}

func connect(url, token string) *client.LogAPIService {
	configuration := client.NewConfiguration()
	configuration.Servers = client.ServerConfigurations{{URL: url}}
	if token != "" {
		configuration.AddDefaultHeader("Authorization", "Bearer "+token)
	}
	return client.NewAPIClient(configuration).LogAPI
}

func run(api *client.LogAPIService) error {
	var five []client.Record
	for number := byte(0); number < 5; number++ {
		five = append(five, record(key, []byte{0, number}))
	}
	request := client.NewAppendRequest(five)
	request.SetAwaitDurable(true)
	watched, sent := Watched(here)
	appended, answer, err := api.Append(watched).AppendRequest(*request).Execute()
	if err != nil {
		return OfAppend(answer, err, sent)
	}
	say("appended", []any{appended.StartSequence, appended.RecordsAppended})
	if err := errors.Join(appendOne(api, other, nil), appendOne(api, key, []byte("\xff last"))); err != nil {
		return err
	}

	all, err := pages(api, 0, nil, 2)
	if err != nil {
		return err
	}
	var scanned []any
	for _, value := range all {
		scanned = append(scanned, []any{value.Sequence, bytesOf(value.Value)})
	}
	say("scanned", scanned)
	end := int64(4)
	some, err := pages(api, 1, &end, 1000)
	if err != nil {
		return err
	}
	var part []int64
	for _, value := range some {
		part = append(part, value.Sequence)
	}
	say("part", part)
	newest, err := last(api, 2)
	if err != nil {
		return err
	}
	var sequences []int64
	for _, value := range newest.Values {
		sequences = append(sequences, value.Sequence)
	}
	say("last", []any{sequences, newest.NextSequence})
	count, err := countAll(api, key)
	if err != nil {
		return err
	}
	say("count", count)
	if err := lists(api); err != nil {
		return err
	}
	if err := follows(api); err != nil {
		return err
	}

	if err := consumes(api); err != nil {
		return err
	}

	empty, large := appendOne(api, nil, nil), appendOne(api, make([]byte, 9000), nil)
	say("typed", []bool{errors.Is(empty, InvalidArgument), errors.Is(large, TooLarge)})
	began := time.Now()
	_, err = countAll(api, nil)
	var refused *LogError
	if errors.As(err, &refused) {
		say("status", refused.Status)
	}
	say("not sent again", time.Since(began) < 2500*time.Millisecond)
	return nil
}

func lists(api *client.LogAPIService) error {
	found, after := []string{}, ""
	for {
		request := listed(api).Limit(1)
		if after != "" {
			request = request.StartAfterBase64(after)
		}
		page, answer, err := request.Execute()
		if err != nil {
			return OfRead(answer, err)
		}
		found = append(found, hexOf(page.Keys)...)
		if after = page.GetNextStartAfter(); after == "" {
			break
		}
	}
	say("keys", found)
	page, answer, err := listed(api).Prefix(tag + "oth").Execute()
	if err != nil {
		return OfRead(answer, err)
	}
	say("prefix", hexOf(page.Keys))
	asked := api.ListSegments(here)
	if partition, clustered := partitionOfTag(); clustered {
		asked = asked.Partition(partition)
	}
	segments, answer, err := asked.Execute()
	if err != nil {
		return OfRead(answer, err)
	}
	var starts []int64
	for _, segment := range segments.Segments {
		starts = append(starts, segment.StartSeq)
	}
	say("segments", starts)
	return nil
}

func listed(api *client.LogAPIService) client.ApiListKeysRequest {
	request := api.ListKeys(here)
	if partition, clustered := partitionOfTag(); clustered {
		request = request.Partition(partition)
	}
	return request
}

func partitionOfTag() (int64, bool) {
	partition, err := strconv.ParseInt(os.Getenv("PARTITION"), 10, 64)
	return partition, err == nil
}

func follows(api *client.LogAPIService) error {
	vain, err := follow(api, 7, 50)
	if err != nil {
		return err
	}
	say("followed in vain", []any{vain.Values, vain.NextSequence})
	late := make(chan error)
	go func() {
		time.Sleep(300 * time.Millisecond)
		late <- appendOne(api, key, []byte("late"))
	}()
	followed, err := follow(api, 7, 30_000)
	if err := errors.Join(err, <-late); err != nil {
		return err
	}
	arrived := []string{}
	for _, value := range followed.Values {
		arrived = append(arrived, bytesOf(value.Value))
	}
	say("followed", []any{arrived, followed.NextSequence})
	return nil
}

func consumes(api *client.LogAPIService) error {
	consumer, err := ConsumePrefix(here, api, []byte(tag), tag+"program")
	if err != nil {
		return err
	}
	batch, err := consumer.Next(here)
	if err != nil {
		return err
	}
	var consumed []any
	for _, value := range batch {
		consumed = append(consumed, []any{value.Sequence, bytesOf(value.GetKey())})
	}
	if err := consumer.Commit(here); err != nil {
		return err
	}
	cursor, answer, err := api.GetCursor(here, tag+"program").Execute()
	if err != nil {
		return OfRead(answer, err)
	}
	say("consumed", []any{consumed, cursor.Position})
	return nil
}

func beRefused(api *client.LogAPIService) {
	var failures, appends []any
	for each := 0; each < 20; each++ {
		_, err := countAll(api, key)
		failures = append(failures, shown(err))
	}
	say("errors", failures)
	for each := 0; each < 2; each++ {
		appends = append(appends, shown(appendOne(api, other, nil)))
	}
	say("appends", appends)
}

func record(key, value []byte) client.Record {
	return *client.NewRecord(base64.StdEncoding.EncodeToString(key), base64.StdEncoding.EncodeToString(value))
}

func appendOne(api *client.LogAPIService, key, value []byte) error {
	request := client.NewAppendRequest([]client.Record{record(key, value)})
	watched, sent := Watched(here)
	_, answer, err := api.Append(watched).AppendRequest(*request).Execute()
	return OfAppend(answer, err, sent)
}

func countAll(api *client.LogAPIService, key []byte) (int64, error) {
	counted, answer, err := api.Count(here).KeyBase64(base64.StdEncoding.EncodeToString(key)).Execute()
	if err != nil {
		return 0, OfRead(answer, err)
	}
	return counted.Count, nil
}

// Page by page, through nextSequence.
func pages(api *client.LogAPIService, start int64, end *int64, size int64) ([]client.Value, error) {
	var all []client.Value
	for {
		request := api.Scan(here).KeyBase64(base64.StdEncoding.EncodeToString(key)).StartSeq(start).Limit(size)
		if end != nil {
			request = request.EndSeq(*end)
		}
		page, answer, err := request.Execute()
		if err != nil {
			return nil, OfRead(answer, err)
		}
		if len(page.Values) == 0 && !page.GetMore() {
			return all, nil
		}
		all = append(all, page.Values...)
		start = page.NextSequence
	}
}

func last(api *client.LogAPIService, count int64) (*client.ScanResponse, error) {
	page, answer, err := api.Scan(here).KeyBase64(base64.StdEncoding.EncodeToString(key)).Last(count).Execute()
	return page, OfRead(answer, err)
}

func follow(api *client.LogAPIService, start, waitMs int64) (*client.ScanResponse, error) {
	request := api.Scan(here).KeyBase64(base64.StdEncoding.EncodeToString(key)).StartSeq(start)
	page, answer, err := request.Follow(true).TimeoutMs(waitMs).Execute()
	return page, OfRead(answer, err)
}

func shown(err error) []any {
	var failure *LogError
	if !errors.As(err, &failure) {
		return []any{"it was not refused"}
	}
	if failure.Status == 0 {
		return []any{failure.Kind, nil}
	}
	return []any{failure.Kind, failure.Status}
}

func say(what string, seen any) {
	line, err := json.Marshal(map[string]any{what: seen})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(line))
}

func hexOf(keys []client.Key) []string {
	found := []string{}
	for _, each := range keys {
		found = append(found, bytesOf(each.Key))
	}
	return found
}

// What is base64 in an answer, as hexadecimal digits.
func bytesOf(encoded string) string {
	data, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		log.Fatal(err)
	}
	return hex.EncodeToString(data)
}
