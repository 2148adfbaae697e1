package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	client "opendata-log/generated"
)

// Kind is what the caller must do next depends on: one for each code of the server. It is an error, for errors.Is.
type Kind string

const (
	// InvalidArgument: the request can never succeed; the message names what is wrong.
	InvalidArgument Kind = "InvalidArgument"
	// SpansPartitions: what the request names is in several partitions of a cluster. Nothing was applied; keys with one tag are in one partition.
	SpansPartitions Kind = "SpansPartitions"
	// Unauthenticated: the server wants a token that it knows.
	Unauthenticated Kind = "Unauthenticated"
	// PermissionDenied: the token does not have the right that is needed.
	PermissionDenied Kind = "PermissionDenied"
	// NotFound: there is no such path; the address is probably not that of a log server.
	NotFound Kind = "NotFound"
	// MethodNotAllowed: the path does not take this method.
	MethodNotAllowed Kind = "MethodNotAllowed"
	// TooLarge: something is over its limit; the message says what, and the limit.
	TooLarge Kind = "TooLarge"
	// UnsupportedMediaType: the body is in a format that the server does not read.
	UnsupportedMediaType Kind = "UnsupportedMediaType"
	// Overloaded: a queue is full. Nothing was applied.
	Overloaded Kind = "Overloaded"
	// Unavailable: the server or its store cannot be reached, or the server starts or stops. Nothing was applied.
	Unavailable Kind = "Unavailable"
	// Fenced: another server took the log over. Nothing was applied; go there.
	Fenced Kind = "Fenced"
	// NotWriter: the server is read-only. Nothing was applied; go to the server that writes the log.
	NotWriter Kind = "NotWriter"
	// Behind: the server does not show the log up to what the read requires yet.
	Behind Kind = "Behind"
	// DeadlineExceeded: a read took too long. (For an append it is OutcomeUnknown.)
	DeadlineExceeded Kind = "DeadlineExceeded"
	// OutcomeUnknown: an append may have been applied, whole or not at all. Read the key before it is sent again.
	OutcomeUnknown Kind = "OutcomeUnknown"
	// Internal: a bug, or damaged data.
	Internal Kind = "Internal"
	// Conflict: a precondition failed: another writer was faster. Nothing was applied; read the key on, and decide again.
	Conflict Kind = "Conflict"
	// PartlyApplied: some parts of an append with atomic: false were applied, and the others were not; parts of the answer says which.
	PartlyApplied Kind = "PartlyApplied"
	// ProducerOutOfOrder: requests of the producer before this one are missing. Nothing was applied.
	ProducerOutOfOrder Kind = "ProducerOutOfOrder"
	// ProducerSequenceTooOld: the request was applied before, so long ago that its start sequence is no longer known.
	ProducerSequenceTooOld Kind = "ProducerSequenceTooOld"
	// ProducerSequenceReused: the producer has used the sequence for other records. Nothing was applied.
	ProducerSequenceReused Kind = "ProducerSequenceReused"
	// ProducerFenced: the producer writes in a higher epoch by now. Nothing was applied.
	ProducerFenced Kind = "ProducerFenced"
	// ProducerUnknown: the producer is new or was forgotten, and has to start with sequence 0. Nothing was applied.
	ProducerUnknown Kind = "ProducerUnknown"
	// UnexpectedAnswer: what answered was no log server, but another one, or something in between.
	UnexpectedAnswer Kind = "UnexpectedAnswer"
)

var kindOf = map[string]Kind{
	"invalid_argument":          InvalidArgument,
	"spans_partitions":          SpansPartitions,
	"unauthenticated":           Unauthenticated,
	"permission_denied":         PermissionDenied,
	"not_found":                 NotFound,
	"method_not_allowed":        MethodNotAllowed,
	"too_large":                 TooLarge,
	"unsupported_media_type":    UnsupportedMediaType,
	"overloaded":                Overloaded,
	"unavailable":               Unavailable,
	"fenced":                    Fenced,
	"not_writer":                NotWriter,
	"behind":                    Behind,
	"deadline_exceeded":         DeadlineExceeded,
	"internal":                  Internal,
	"conflict":                  Conflict,
	"partly_applied":            PartlyApplied,
	"producer_out_of_order":     ProducerOutOfOrder,
	"producer_sequence_too_old": ProducerSequenceTooOld,
	"producer_sequence_reused":  ProducerSequenceReused,
	"producer_fenced":           ProducerFenced,
	"producer_unknown":          ProducerUnknown,
}

func (kind Kind) Error() string { return string(kind) }

// LogError says that something was not done.
type LogError struct {
	Kind Kind
	// Status of the answer; 0 if there was none.
	Status int
	// RetryAfter is how long the server asks to wait; 0 if it said nothing.
	RetryAfter time.Duration
	// Message is the server's, or why there was no answer. It names the URL.
	Message string
}

func (failure *LogError) Error() string { return failure.Message }

// Is makes errors.Is(err, Overloaded) work.
func (failure *LogError) Is(target error) bool { return failure.Kind == target }

// OfRead is what a read ended in, from what the generated client returned.
func OfRead(answer *http.Response, err error) error {
	if err == nil {
		return nil
	}
	if answer == nil {
		return &LogError{Kind: Unavailable, Message: err.Error()}
	}
	failure := &LogError{Kind: UnexpectedAnswer, Status: answer.StatusCode, Message: err.Error()}
	if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds > 0 {
		failure.RetryAfter = time.Duration(seconds) * time.Second
	}
	var told client.ErrorResponse
	var generated *client.GenericOpenAPIError
	if errors.As(err, &generated) && json.Unmarshal(generated.Body(), &told) == nil {
		if kind, known := kindOf[told.Code]; known {
			failure.Kind, failure.Message = kind, told.Message
		}
	}
	if asked := answer.Request; asked != nil {
		failure.Message += " (" + asked.Method + " " + asked.URL.Scheme + "://" + asked.URL.Host + asked.URL.Path + ")"
	}
	return failure
}

// OfAppend is what an append ended in that was sent as `sent` says: where nobody knows whether it was applied, OutcomeUnknown.
func OfAppend(answer *http.Response, err error, sent *Sent) error {
	failure, failed := OfRead(answer, err).(*LogError)
	if !failed {
		return nil
	}
	// The body did not arrive in time.
	if failure.Kind == DeadlineExceeded && strings.Contains(failure.Message, "nothing was applied") {
		failure.Kind = Unavailable
		return failure
	}
	unsure := answer == nil || failure.Kind == DeadlineExceeded || failure.Kind == UnexpectedAnswer && !refusedOnTheWay[failure.Status]
	if unsure && sent.Perhaps() {
		failure.Kind = OutcomeUnknown
	}
	return failure
}

// With these, what is in between refuses a request that it does not pass on.
var refusedOnTheWay = map[int]bool{
	401: true, 408: true, 411: true, 413: true, 414: true, 415: true, 417: true, 429: true, 431: true,
}
