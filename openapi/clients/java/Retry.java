import java.time.Duration;

/** How often and how long a client tries. */
public final class Retry {
    private static final Duration FIRST_PAUSE = Duration.ofMillis(200);
    /** A server that asks for a longer wait is not asked again. */
    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(10);

    private Retry() {
    }

    /** Something that can fail. */
    public interface Call<T> {
        T run() throws LogException;
    }

    /**
     * Does it, at most so many times: again when nothing was applied, after a pause that doubles, or as long as the server asks for. An
     * append of which nobody knows whether it was applied is never repeated.
     */
    public static <T> T retried(int attempts, Call<T> call) throws LogException, InterruptedException {
        Duration pause = FIRST_PAUSE;
        for (int attempt = 1;; attempt++) {
            try {
                return call.run();
            } catch (LogException.Unavailable | LogException.Overloaded error) {
                if (attempt >= attempts || error.retryAfter().compareTo(LONGEST_PAUSE) > 0) {
                    throw error;
                }
                Thread.sleep(longer(pause, error.retryAfter()).toMillis());
                pause = pause.multipliedBy(2).compareTo(LONGEST_PAUSE) < 0 ? pause.multipliedBy(2) : LONGEST_PAUSE;
            }
        }
    }

    private static Duration longer(Duration one, Duration other) {
        return one.compareTo(other) > 0 ? one : other;
    }
}
