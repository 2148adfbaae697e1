import java.io.IOException;
import java.net.Authenticator;
import java.net.CookieHandler;
import java.net.ProxySelector;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Executor;
import java.util.concurrent.Flow;

import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLParameters;

import opendata.log.ApiClient;

/**
 * An HTTP client that tells a connection that broke while a request was being sent ({@link NotSentWhole}) from an answer that was lost.
 *
 * <p>The client of the JDK tells both with the same words, but it takes a body from its publisher piece by piece, as the connection takes
 * them. While there is a piece that it has not taken, nobody can have read the whole request.
 */
final class WholeRequests extends HttpClient {
    private final HttpClient client;

    private WholeRequests(HttpClient client) {
        this.client = client;
    }

    /**
     * The generated client, with this for its HTTP client.
     *
     * <p>It speaks HTTP/1.1: over HTTP/2 the client of the JDK may lose the answer to a request that was refused while it was sent.
     */
    static final class Client extends ApiClient {
        Client() {
            setHttpClientBuilder(createDefaultHttpClientBuilder().version(Version.HTTP_1_1));
        }

        @Override
        public HttpClient getHttpClient() {
            return new WholeRequests(super.getHttpClient());
        }
    }

    /** The connection broke before the whole request was sent: nothing was applied. */
    static final class NotSentWhole extends IOException {
        private static final long serialVersionUID = 1;

        NotSentWhole(Throwable cause) {
            super("the connection broke while the request was being sent", cause);
        }
    }

    @Override
    public <T> HttpResponse<T> send(HttpRequest request, HttpResponse.BodyHandler<T> handler) throws IOException, InterruptedException {
        Optional<Watched> body = request.bodyPublisher().map(Watched::new);
        try {
            return client.send(with(body, request), handler);
        } catch (IOException error) {
            throw body.isPresent() && !body.get().wasTaken ? new NotSentWhole(error) : error;
        }
    }

    @Override
    public <T> CompletableFuture<HttpResponse<T>> sendAsync(HttpRequest request, HttpResponse.BodyHandler<T> handler) {
        return sendAsync(request, handler, null);
    }

    @Override
    public <T> CompletableFuture<HttpResponse<T>> sendAsync(
            HttpRequest request, HttpResponse.BodyHandler<T> handler, HttpResponse.PushPromiseHandler<T> pushed) {
        Optional<Watched> body = request.bodyPublisher().map(Watched::new);
        return client.sendAsync(with(body, request), handler, pushed).exceptionallyCompose(error -> {
            Throwable cause = error instanceof CompletionException ? error.getCause() : error;
            boolean broke = cause instanceof IOException && body.isPresent() && !body.get().wasTaken;
            return CompletableFuture.failedFuture(broke ? new NotSentWhole(cause) : cause);
        });
    }

    private static HttpRequest with(Optional<Watched> body, HttpRequest request) {
        return body.map(each -> HttpRequest.newBuilder(request, (name, value) -> true).method(request.method(), each).build()).orElse(request);
    }

    /** A body, and whether all of it was taken to be sent. */
    private static final class Watched implements HttpRequest.BodyPublisher {
        private final HttpRequest.BodyPublisher body;
        private volatile boolean wasTaken;

        Watched(HttpRequest.BodyPublisher body) {
            this.body = body;
        }

        @Override
        public long contentLength() {
            return body.contentLength();
        }

        @Override
        public void subscribe(Flow.Subscriber<? super ByteBuffer> subscriber) {
            body.subscribe(new Flow.Subscriber<ByteBuffer>() {
                private long left = contentLength();

                @Override
                public void onSubscribe(Flow.Subscription subscription) {
                    subscriber.onSubscribe(subscription);
                }

                @Override
                public void onNext(ByteBuffer piece) {
                    left -= piece.remaining();
                    // Before it is passed on: after that it may be on its way.
                    wasTaken = wasTaken || left <= 0;
                    subscriber.onNext(piece);
                }

                @Override
                public void onError(Throwable error) {
                    subscriber.onError(error);
                }

                @Override
                public void onComplete() {
                    wasTaken = true;
                    subscriber.onComplete();
                }
            });
        }
    }

    @Override
    public Optional<CookieHandler> cookieHandler() {
        return client.cookieHandler();
    }

    @Override
    public Optional<Duration> connectTimeout() {
        return client.connectTimeout();
    }

    @Override
    public Redirect followRedirects() {
        return client.followRedirects();
    }

    @Override
    public Optional<ProxySelector> proxy() {
        return client.proxy();
    }

    @Override
    public SSLContext sslContext() {
        return client.sslContext();
    }

    @Override
    public SSLParameters sslParameters() {
        return client.sslParameters();
    }

    @Override
    public Optional<Authenticator> authenticator() {
        return client.authenticator();
    }

    @Override
    public Version version() {
        return client.version();
    }

    @Override
    public Optional<Executor> executor() {
        return client.executor();
    }
}
