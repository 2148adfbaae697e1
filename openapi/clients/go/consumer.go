package main

import (
	"context"
	"encoding/base64"
	"errors"

	client "opendata-log/generated"
)

// Consumer reads batches of records, of a key or of all keys with a prefix, from where a cursor is, and moves the cursor.
//
// Commit after each batch: with Commit a batch that was processed and not committed is read again by the next consumer (at least once),
// with Append its results are appended in the same commit as the cursor moves (exactly once). If another consumer has moved the cursor,
// both end in Conflict and change nothing: stop, or begin again with Consume.
type Consumer struct {
	api                *client.LogAPIService
	cursor             string
	selecting          func(client.ApiScanRequest) client.ApiScanRequest
	committed, reached int64
}

// Consume reads the records of a key, from where the cursor is; from the beginning if there is none.
func Consume(ctx context.Context, api *client.LogAPIService, key []byte, cursor string) (*Consumer, error) {
	encoded := base64.StdEncoding.EncodeToString(key)
	return consume(ctx, api, cursor, func(scan client.ApiScanRequest) client.ApiScanRequest { return scan.KeyBase64(encoded) })
}

// ConsumePrefix is Consume for all keys that begin with the prefix, in one order: each record has its Key. An empty prefix is the whole log.
func ConsumePrefix(ctx context.Context, api *client.LogAPIService, prefix []byte, cursor string) (*Consumer, error) {
	encoded := base64.StdEncoding.EncodeToString(prefix)
	return consume(ctx, api, cursor, func(scan client.ApiScanRequest) client.ApiScanRequest { return scan.PrefixBase64(encoded) })
}

func consume(
	ctx context.Context, api *client.LogAPIService, cursor string, selecting func(client.ApiScanRequest) client.ApiScanRequest,
) (*Consumer, error) {
	consumer := &Consumer{api: api, cursor: cursor, selecting: selecting}
	found, answer, err := api.GetCursor(ctx, cursor).Execute()
	switch err := OfRead(answer, err); {
	case err == nil:
		consumer.committed, consumer.reached = found.Position, found.Position
	case !errors.Is(err, NotFound):
		return nil, err
	}
	return consumer, nil
}

// Next returns the next records, at least one: it waits for them.
func (consumer *Consumer) Next(ctx context.Context) ([]client.Value, error) {
	for {
		request := consumer.selecting(consumer.api.Scan(ctx)).StartSeq(consumer.reached).Limit(1000).Follow(true)
		page, answer, err := request.Execute()
		if err := OfRead(answer, err); err != nil {
			return nil, err
		}
		consumer.reached = page.NextSequence
		if len(page.Values) > 0 {
			return page.Values, nil
		}
	}
}

// Commit moves the cursor behind all that was handed out. It returns when that is durable.
func (consumer *Consumer) Commit(ctx context.Context) error {
	if consumer.reached == consumer.committed {
		return nil
	}
	request := client.NewPutCursorRequest(consumer.reached)
	request.SetExpected(consumer.committed)
	_, answer, err := consumer.api.PutCursor(ctx, consumer.cursor).PutCursorRequest(*request).Execute()
	if err := OfRead(answer, err); err != nil {
		return err
	}
	consumer.committed = consumer.reached
	return nil
}

// Append appends results and moves the cursor behind all that was handed out: both or nothing.
func (consumer *Consumer) Append(ctx context.Context, results []client.Record) error {
	move := client.NewCursorMove(consumer.cursor, consumer.reached)
	move.SetExpected(consumer.committed)
	request := client.NewAppendRequest(results)
	request.SetCursors([]client.CursorMove{*move})
	watched, sent := Watched(ctx)
	_, answer, err := consumer.api.Append(watched).AppendRequest(*request).Execute()
	if err := OfAppend(answer, err, sent); err != nil {
		return err
	}
	consumer.committed = consumer.reached
	return nil
}
