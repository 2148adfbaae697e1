package main

import (
	"context"
	"errors"
	"net/http/httptrace"
	"sync/atomic"
	"time"
)

const (
	firstPause = 200 * time.Millisecond
	// A server that asks for a longer wait is not asked again.
	longestPause = 10 * time.Second
)

// Retried does what can fail, at most so many times: again when nothing was applied, after a pause that doubles, or as long as the
// server asks for. An append of which nobody knows whether it was applied is never repeated.
func Retried(attempts int, do func() error) error {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		err := do()
		var failure *LogError
		passing := errors.Is(err, Unavailable) || errors.Is(err, Overloaded)
		if !passing || attempt >= attempts || !errors.As(err, &failure) || failure.RetryAfter > longestPause {
			return err
		}
		time.Sleep(max(pause, failure.RetryAfter))
		pause = min(2*pause, longestPause)
	}
}

// Sent is what is known of the sending of a request.
type Sent struct{ connected, broke atomic.Bool }

// Watched returns a context for one request, and what becomes known of its sending.
func Watched(parent context.Context) (context.Context, *Sent) {
	sent := &Sent{}
	return httptrace.WithClientTrace(parent, &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { sent.connected.Store(true) },
		// With an error, a part of the request was not written: nobody can have read a whole one.
		WroteRequest: func(wrote httptrace.WroteRequestInfo) { sent.broke.Store(wrote.Err != nil) },
	}), sent
}

// Perhaps is false when the server certainly has not got the whole request: there was no connection (refused, no such name, no
// trusted certificate), or it broke while the request was being sent.
func (sent *Sent) Perhaps() bool { return sent.connected.Load() && !sent.broke.Load() }
