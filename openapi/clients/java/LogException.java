import java.util.Map;
import java.util.function.BiFunction;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;

import opendata.log.ApiException;
import opendata.log.model.ErrorResponse;

/** Something was not done: a class for each {@code code} of the server. The message is the server's. */
public class LogException extends Exception {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static final Map<String, BiFunction<String, ApiException, LogException>> OF_CODE = Map.ofEntries(
            Map.entry("invalid_argument", InvalidArgument::new),
            Map.entry("unauthenticated", Unauthenticated::new),
            Map.entry("permission_denied", PermissionDenied::new),
            Map.entry("not_found", NotFound::new),
            Map.entry("method_not_allowed", MethodNotAllowed::new),
            Map.entry("too_large", TooLarge::new),
            Map.entry("unsupported_media_type", UnsupportedMediaType::new),
            Map.entry("overloaded", Overloaded::new),
            Map.entry("unavailable", Unavailable::new),
            Map.entry("fenced", Fenced::new),
            Map.entry("deadline_exceeded", DeadlineExceeded::new),
            Map.entry("internal", Internal::new));

    LogException(String message, ApiException cause) {
        super(message, cause);
    }

    /** The status of the answer; null if there was none. */
    public final Integer status() {
        int status = ((ApiException) getCause()).getCode();
        return status == 0 ? null : status;
    }

    /** What a read ended in. */
    public static LogException ofRead(ApiException error) {
        if (error.getCause() instanceof JsonProcessingException) {
            return new UnexpectedAnswer("an answer that no log server gives: " + error.getMessage(), error);
        }
        if (error.getResponseBody() == null) {
            return new Unavailable("there was no answer: " + error.getMessage(), error);
        }
        try {
            ErrorResponse told = JSON.readValue(error.getResponseBody(), ErrorResponse.class);
            return OF_CODE.getOrDefault(told.getCode(), UnexpectedAnswer::new).apply(told.getMessage(), error);
        } catch (JsonProcessingException | NullPointerException unreadable) {
            return new UnexpectedAnswer("an answer that no log server gives: " + error.getMessage(), error);
        }
    }

    /** What an append ended in: where nobody knows whether it was applied, {@link OutcomeUnknown}. */
    public static LogException ofAppend(ApiException error) {
        LogException failure = ofRead(error);
        boolean unknown = error.getResponseBody() == null || failure instanceof DeadlineExceeded || failure instanceof UnexpectedAnswer;
        return unknown ? new OutcomeUnknown(failure.getMessage(), error) : failure;
    }

    /** The request can never succeed; the message names what is wrong. */
    public static final class InvalidArgument extends LogException {
        InvalidArgument(String message, ApiException cause) {
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

    /** The store cannot be reached, or the server stops. Nothing was applied. */
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

    /** What answered was no log server: another one, or something in between. */
    public static final class UnexpectedAnswer extends LogException {
        UnexpectedAnswer(String message, ApiException cause) {
            super(message, cause);
        }
    }
}
