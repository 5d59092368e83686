import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URL;
import java.net.URLConnection;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.Executors;
import java.util.stream.Collectors;

/** A small web application: answers, tells how it was started, and calls another address when asked to. */
public final class App {
    public static void main(String[] arguments) throws IOException {
        HttpServer server = HttpServer.create(new InetSocketAddress(8080), 0);
        server.createContext("/", exchange -> answer(exchange, "hello\n"));
        server.createContext("/environment", exchange -> answer(exchange, json(System.getenv())));
        server.createContext("/properties", exchange -> answer(exchange, json(System.getProperties())));
        server.createContext("/call", exchange -> answer(exchange, call(exchange.getRequestURI().getQuery())));
        server.setExecutor(Executors.newCachedThreadPool());
        server.start();
    }

    private static void answer(HttpExchange exchange, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private static String call(String query) throws IOException {
        URLConnection called = new URL(query.substring("url=".length())).openConnection();
        called.setConnectTimeout(5000);
        called.setReadTimeout(5000);
        return new String(called.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    }

    private static String json(Map<?, ?> values) {
        return values.entrySet().stream()
                .map(entry -> quoted(entry.getKey()) + ":" + quoted(entry.getValue()))
                .sorted()
                .collect(Collectors.joining(",", "{", "}\n"));
    }

    private static String quoted(Object value) {
        return value.toString().chars()
                .mapToObj(character -> character < ' ' || character == '"' || character == '\\'
                        ? String.format("\\u%04x", character)
                        : Character.toString(character))
                .collect(Collectors.joining("", "\"", "\""));
    }
}
