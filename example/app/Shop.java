// An agent's order, and the permission to pay for it, in one transaction. README.md beside this file says more.
//
//     SHOP_KEY=lk_live_... java -cp /usr/share/java/postgresql.jar Shop.java shopper 1 12900 STAPLES

import java.io.IOException;
import java.nio.file.*;
import java.nio.file.attribute.PosixFilePermissions;
import java.sql.*;
import java.time.*;
import java.time.format.DateTimeFormatter;
import java.util.*;
import java.util.concurrent.ThreadLocalRandom;
import org.postgresql.util.PSQLException;

public class Shop {
    static final int TRIES = 5;
    static final long PAUSE = 50;

    // Somebody else was faster, or a lock could not be had: the transaction is undone, and the same one may pass now.
    static final Set<String> AGAIN = Set.of("40001", "40P01", "55P03");

    static final String AUTHENTICATE = "SELECT FROM ledger_agents.authenticate(?)";
    static final String REGISTER =
        "SELECT id, created, token FROM ledger_agents.register_agent(?, 'acme-labs', spending_limit => 50000)";
    static final String NEW_TOKEN = "SELECT token FROM ledger_agents.create_agent_token(?, 'shop')";
    static final String AUTHORIZE = """
        SELECT id, decision, reason, coalesce(max_approvable, 0) AS max_approvable, retry_at, replayed
          FROM ledger_agents.authorize(amount => ?, merchant => ?, idempotency_key => ?)""";
    static final String INSERT = """
        INSERT INTO shop.orders (id, merchant, amount, decision, reason, authorization_id)
        VALUES (?, ?, ?, ?, ?, ?)""";

    interface Work<T> {
        T get() throws SQLException;
    }

    record Agent(UUID id, boolean created, String token) {}

    record Answer(UUID id, String decision, String reason, long maxApprovable, OffsetDateTime retryAt, boolean replayed) {}

    Connection connection = connect();

    Shop() throws SQLException {}

    static Connection connect() throws SQLException {
        var env = System.getenv();
        var settings = new Properties();
        settings.setProperty("user", env.get("PGUSER"));
        settings.setProperty("password", env.getOrDefault("PGPASSWORD", ""));
        settings.setProperty("connectTimeout", "10");
        // Nothing is prepared by name, so that poolers in transaction mode are fine.
        settings.setProperty("prepareThreshold", "0");
        var connection = DriverManager.getConnection("jdbc:postgresql://" + env.getOrDefault("PGHOST", "localhost") + ":"
            + env.getOrDefault("PGPORT", "5432") + "/" + env.get("PGDATABASE"), settings);
        connection.setAutoCommit(false);
        return connection;
    }

    // The work, done by whoever the secret belongs to: all or nothing, and all of it where it is tried again.
    <T> T transaction(String step, String secret, Work<T> work) throws SQLException, InterruptedException {
        for (int attempt = 1; ; attempt++) {
            try {
                if (connection.isClosed()) connection = connect();
                run(AUTHENTICATE, secret);
                T result = work.get();
                connection.commit();
                return result;
            } catch (SQLException error) {
                // If it was lost at COMMIT, nobody knows whether that was done. The same key finds out.
                boolean lost = !rollback();
                String why = lost ? "connection lost" : String.valueOf(error.getSQLState());
                if (attempt == TRIES || !(lost || AGAIN.contains(why))) {
                    System.out.println((step + ": failed: " + why + " " + constraint(error)).trim());
                    throw error;
                }
                System.out.println(step + ": " + why + ", trying again");
            }
            Thread.sleep((long) (PAUSE * (1 << attempt) * ThreadLocalRandom.current().nextDouble(0.5, 1.5)));
        }
    }

    // Whether that is possible. If not, there is no connection any more.
    boolean rollback() {
        try {
            connection.rollback();
            return true;
        } catch (SQLException lost) {
            return false;
        }
    }

    static String constraint(SQLException error) {
        return error instanceof PSQLException e && e.getServerErrorMessage() != null
            ? Objects.requireNonNullElse(e.getServerErrorMessage().getConstraint(), "") : "";
    }

    // The agent's token. It is shown once: if it did not get here, or was lost since, there is a new one.
    String register(String key, String name) throws SQLException, InterruptedException, IOException {
        String step = "agent " + name;
        // A file that only its owner may read stands for a secret store.
        Path tokenFile = Path.of(name + ".token");
        Agent agent = transaction(step, key, () -> {
            var row = run(REGISTER, name);
            return new Agent(row.getObject("id", UUID.class), row.getBoolean("created"), row.getString("token"));
        });
        if (!agent.created && Files.exists(tokenFile)) {
            System.out.println(step + ": known");
            return Files.readString(tokenFile);
        }
        String token = agent.created ? agent.token
            : transaction(step, key, () -> run(NEW_TOKEN, agent.id).getString("token"));
        Files.deleteIfExists(tokenFile);
        Files.createFile(tokenFile, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
        Files.writeString(tokenFile, token);
        System.out.println(step + ": " + (agent.created ? "registered" : "known, new token"));
        return token;
    }

    void order(String token, String id, long amount, String merchant) throws SQLException, InterruptedException {
        Answer answer = transaction("order " + id, token, () -> {
            // The key is the order's: however often this is done, it is decided once.
            var row = run(AUTHORIZE, amount, merchant, "order-" + id);
            var a = new Answer(row.getObject("id", UUID.class), row.getString("decision"), row.getString("reason"),
                row.getLong("max_approvable"), row.getObject("retry_at", OffsetDateTime.class), row.getBoolean("replayed"));
            // Replayed: an earlier try was committed, and with it the order.
            if (!a.replayed) run(INSERT, id, merchant, amount, a.decision, a.reason, a.id);
            return a;
        });
        String before = answer.replayed ? " (decided before)" : "";
        if (answer.decision.equals("approved")) {
            System.out.printf("order %s: approved%s%n", id, before);
        } else {
            System.out.printf("order %s: declined: %s; %d would pass now, %d %s%s%n",
                id, answer.reason, answer.maxApprovable, amount, when(answer.retryAt), before);
        }
    }

    static String when(OffsetDateTime instant) {
        return instant == null ? "never"
            : DateTimeFormatter.ofPattern("'from 'uuuu-MM-dd'T'HH:mm'Z'").format(instant.withOffsetSameInstant(ZoneOffset.UTC));
    }

    // The row that comes back, if one does.
    ResultSet run(String sql, Object... values) throws SQLException {
        var statement = connection.prepareStatement(sql);
        statement.closeOnCompletion();
        for (int i = 0; i < values.length; i++) statement.setObject(i + 1, values[i]);
        if (!statement.execute()) return null;
        var rows = statement.getResultSet();
        rows.next();
        return rows;
    }

    public static void main(String[] args) throws Exception {
        if (args.length != 4) throw new IllegalArgumentException("usage: Shop AGENT ORDER AMOUNT MERCHANT");
        var shop = new Shop();
        String token = shop.register(System.getenv("SHOP_KEY"), args[0]);
        shop.order(token, args[1], Long.parseLong(args[2]), args[3]);
        shop.connection.close();
    }
}
