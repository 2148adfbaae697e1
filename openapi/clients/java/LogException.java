import java.io.IOException;
import java.net.ConnectException;
import java.net.http.HttpConnectTimeoutException;
import java.net.http.HttpHeaders;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiFunction;

import javax.net.ssl.SSLException;
import javax.net.ssl.SSLHandshakeException;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

import opendata.log.ApiException;
import opendata.log.model.ErrorResponse;

/** Something was not done: a class for each {@code code} of the server. The message is the server's. */
public class LogException extends Exception {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static final Map<String, BiFunction<String, ApiException, LogException>> OF_CODE = Map.ofEntries(
            Map.entry("invalid_argument", InvalidArgument::new),
            Map.entry("spans_partitions", SpansPartitions::new),
            Map.entry("unauthenticated", Unauthenticated::new),
            Map.entry("permission_denied", PermissionDenied::new),
            Map.entry("not_found", NotFound::new),
            Map.entry("method_not_allowed", MethodNotAllowed::new),
            Map.entry("too_large", TooLarge::new),
            Map.entry("unsupported_media_type", UnsupportedMediaType::new),
            Map.entry("overloaded", Overloaded::new),
            Map.entry("unavailable", Unavailable::new),
            Map.entry("fenced", Fenced::new),
            Map.entry("not_writer", NotWriter::new),
            Map.entry("behind", Behind::new),
            Map.entry("deadline_exceeded", DeadlineExceeded::new),
            Map.entry("internal", Internal::new),
            Map.entry("conflict", Conflict::new),
            Map.entry("partly_applied", PartlyApplied::new),
            Map.entry("producer_out_of_order", ProducerOutOfOrder::new),
            Map.entry("producer_sequence_too_old", ProducerSequenceTooOld::new),
            Map.entry("producer_sequence_reused", ProducerSequenceReused::new),
            Map.entry("producer_fenced", ProducerFenced::new),
            Map.entry("producer_unknown", ProducerUnknown::new));

    /** With these, what is in between refuses a request that it does not pass on. */
    private static final Set<Integer> REFUSED_ON_THE_WAY = Set.of(401, 408, 411, 413, 414, 415, 417, 429, 431);

    LogException(String message, ApiException cause) {
        super(message, cause);
    }

    /** The status of the answer; null if there was none. */
    public final Integer status() {
        int status = ((ApiException) getCause()).getCode();
        return status == 0 ? null : status;
    }

    /** How long the server asks to wait; nothing if it said nothing. */
    public final Duration retryAfter() {
        HttpHeaders headers = ((ApiException) getCause()).getResponseHeaders();
        Optional<String> seconds = headers == null ? Optional.empty() : headers.firstValue("retry-after");
        return seconds.filter(text -> text.matches("\\d{1,9}")).map(Long::valueOf).map(Duration::ofSeconds).orElse(Duration.ZERO);
    }

    /** What a read from the server at {@code url} ended in. */
    public static LogException ofRead(ApiException error, String url) {
        return of(error, " (" + url + ")");
    }

    /** What an append ended in: where nobody knows whether it was applied, {@link OutcomeUnknown}. */
    public static LogException ofAppend(ApiException error, String url) {
        LogException failure = ofRead(error, url);
        // The body did not arrive in time.
        if (failure instanceof DeadlineExceeded && failure.getMessage().contains("nothing was applied")) {
            return new Unavailable(failure.getMessage(), error);
        }
        boolean refused = failure instanceof UnexpectedAnswer && REFUSED_ON_THE_WAY.contains(error.getCode());
        boolean unsure = error.getResponseBody() == null || failure instanceof DeadlineExceeded || failure instanceof UnexpectedAnswer;
        return unsure && !refused && !wasNotSentWhole(error) ? new OutcomeUnknown(failure.getMessage(), error) : failure;
    }

    private static LogException of(ApiException error, String where) {
        if (error.getCause() instanceof JsonProcessingException) {
            return new UnexpectedAnswer("an answer that no log server gives: " + error.getMessage() + where, error);
        }
        if (error.getResponseBody() == null) {
            return new Unavailable("there was no answer: " + reason(error) + where, error);
        }
        try {
            ErrorResponse told = JSON.readValue(error.getResponseBody(), ErrorResponse.class);
            return OF_CODE.getOrDefault(told.getCode(), UnexpectedAnswer::new).apply(told.getMessage() + where, error);
        } catch (JsonProcessingException | NullPointerException unreadable) {
            return new UnexpectedAnswer("an answer that no log server gives: " + error.getMessage() + where, error);
        }
    }

    /** Whether there was no connection (refused, no such name, no trusted certificate, no TLS), or it broke while the request was sent. */
    private static boolean wasNotSentWhole(ApiException error) {
        for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
            if (cause instanceof ConnectException || cause instanceof HttpConnectTimeoutException || cause instanceof SSLHandshakeException) {
                return true;
            }
            if (cause instanceof WholeRequests.NotSentWhole) {
                return true;
            }
            // Only writing ends so, and only while a part of the request is left: nobody can have read a whole one.
            if (cause instanceof IOException && "Broken pipe".equals(cause.getMessage())) {
                return true;
            }
            // What answers to the first message of the handshake knows no TLS.
            if (cause instanceof SSLException && String.valueOf(cause.getMessage()).contains("nrecognized SSL message")) {
                return true;
            }
        }
        return false;
    }

    /** Why there was no answer. Several exceptions of the JDK have no words of their own. */
    private static String reason(ApiException error) {
        List<String> words = new ArrayList<>();
        for (Throwable cause = error.getCause(); cause != null; cause = cause.getCause()) {
            words.add(cause.getClass().getSimpleName() + (cause.getMessage() == null ? "" : " " + cause.getMessage()));
        }
        return words.isEmpty() ? error.getMessage() : String.join(": ", words);
    }

    /** The request can never succeed; the message names what is wrong. */
    public static final class InvalidArgument extends LogException {
        InvalidArgument(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** What the request names is in several partitions of a cluster. Nothing was applied; keys with one tag are in one partition. */
    public static final class SpansPartitions extends LogException {
        SpansPartitions(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** The server wants a token that it knows. */
    public static final class Unauthenticated extends LogException {
        Unauthenticated(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** The token does not have the right that is needed. */
    public static final class PermissionDenied extends LogException {
        PermissionDenied(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** There is no such path: the address is probably not that of a log server. */
    public static final class NotFound extends LogException {
        NotFound(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** The path does not take this method. */
    public static final class MethodNotAllowed extends LogException {
        MethodNotAllowed(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** Something is over its limit; the message says what, and the limit. */
    public static final class TooLarge extends LogException {
        TooLarge(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** The body is in a format that the server does not read. */
    public static final class UnsupportedMediaType extends LogException {
        UnsupportedMediaType(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** A queue is full. Nothing was applied. */
    public static final class Overloaded extends LogException {
        Overloaded(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** The server or its store cannot be reached, or the server starts or stops. Nothing was applied. */
    public static final class Unavailable extends LogException {
        Unavailable(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** Another server took the log over. Nothing was applied; go there. */
    public static final class Fenced extends LogException {
        Fenced(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** The server is read-only. Nothing was applied; go to the server that writes the log. */
    public static final class NotWriter extends LogException {
        NotWriter(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** The server does not show the log up to what the read requires yet. */
    public static final class Behind extends LogException {
        Behind(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** A read took too long. (For an append it is {@link OutcomeUnknown}.) */
    public static class DeadlineExceeded extends LogException {
        DeadlineExceeded(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** An append may have been applied, whole or not at all. Read the key before it is sent again. */
    public static final class OutcomeUnknown extends DeadlineExceeded {
        OutcomeUnknown(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** A bug, or damaged data. */
    public static final class Internal extends LogException {
        Internal(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** Some parts of an append with {@code atomic: false} were applied, and the others were not; {@code parts} of the answer says which. */
    public static final class PartlyApplied extends LogException {
        PartlyApplied(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** A precondition failed: another writer was faster. Nothing was applied; read the key on, and decide again. */
    public static final class Conflict extends LogException {
        Conflict(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** Requests of the producer before this one are missing. Nothing was applied. */
    public static final class ProducerOutOfOrder extends LogException {
        ProducerOutOfOrder(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** The request was applied before, so long ago that its start sequence is no longer known. */
    public static final class ProducerSequenceTooOld extends LogException {
        ProducerSequenceTooOld(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** The producer has used the sequence for other records. Nothing was applied. */
    public static final class ProducerSequenceReused extends LogException {
        ProducerSequenceReused(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** The producer writes in a higher epoch by now. Nothing was applied. */
    public static final class ProducerFenced extends LogException {
        ProducerFenced(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** The producer is new or was forgotten, and has to start with sequence 0. Nothing was applied. */
    public static final class ProducerUnknown extends LogException {
        ProducerUnknown(String message, ApiException cause) {
            super(message, cause);
        }
    }

    /** What answered was no log server: another one, or something in between. */
    public static final class UnexpectedAnswer extends LogException {
        UnexpectedAnswer(String message, ApiException cause) {
            super(message, cause);
        }
    }
}
