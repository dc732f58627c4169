// An agent's order, and the permission to pay for it, in one transaction. README.md beside this file says more.
//
//	SHOP_KEY=lk_live_... ./shop shopper 1 12900 STAPLES
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
)

const (
	tries = 5
	pause = 50 * time.Millisecond

	registerAgent = "SELECT id::text, created, token FROM ledger_agents.register_agent($1, 'acme-labs', spending_limit => 50000)"
	newToken      = "SELECT token FROM ledger_agents.create_agent_token($1, 'shop')"
	authorize     = `
		SELECT id::text, decision::text, reason::text, coalesce(max_approvable, 0), retry_at, replayed
		  FROM ledger_agents.authorize(amount => $1, merchant => $2, idempotency_key => $3)`
	insert = `
		INSERT INTO shop.orders (id, merchant, amount, decision, reason, authorization_id)
		VALUES ($1, $2, $3, $4, $5, $6)`
)

// Somebody else was faster, or a lock could not be had: the transaction is undone, and the same one may pass now.
var again = map[string]bool{"40001": true, "40P01": true, "55P03": true}

type shop struct {
	conn *pgx.Conn
}

func connect(ctx context.Context) (*pgx.Conn, error) {
	// PGHOST, PGUSER and so on say where. Nothing is prepared by name, so that poolers in transaction mode are fine.
	config, err := pgx.ParseConfig("connect_timeout=10")
	if err != nil {
		return nil, err
	}
	config.BuildStatementCache = nil
	return pgx.ConnectConfig(ctx, config)
}

// The work, done by whoever the secret belongs to: all or nothing, and all of it where it is tried again.
func (s *shop) transaction(ctx context.Context, step, secret string, work func(pgx.Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := s.try(ctx, secret, work)
		if err == nil {
			return nil
		}
		// If it was lost at COMMIT, nobody knows whether that was done. The same key finds out.
		lost := s.conn.IsClosed()
		why, name := err.Error(), ""
		var refused *pgconn.PgError
		if lost {
			why = "connection lost"
		} else if errors.As(err, &refused) {
			why, name = refused.Code, refused.ConstraintName
		}
		if attempt == tries || !lost && !again[why] {
			fmt.Println(strings.TrimSpace(step + ": failed: " + why + " " + name))
			return err
		}
		fmt.Printf("%s: %s, trying again\n", step, why)
		time.Sleep(time.Duration(float64(pause<<attempt) * (0.5 + rand.Float64())))
	}
}

func (s *shop) try(ctx context.Context, secret string, work func(pgx.Tx) error) error {
	if s.conn.IsClosed() {
		conn, err := connect(ctx)
		if err != nil {
			return err
		}
		s.conn = conn
	}
	return s.conn.BeginFunc(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "SELECT FROM ledger_agents.authenticate($1)", secret); err != nil {
			return err
		}
		return work(tx)
	})
}

// The agent's token. It is shown once: if it did not get here, or was lost since, there is a new one.
func (s *shop) register(ctx context.Context, key, name string) (string, error) {
	var (
		step      = "agent " + name
		tokenFile = name + ".token" // that only its owner may read stands for a secret store
		id        string
		created   bool
		token     *string
	)
	err := s.transaction(ctx, step, key, func(tx pgx.Tx) error {
		return tx.QueryRow(ctx, registerAgent, name).Scan(&id, &created, &token)
	})
	if err != nil {
		return "", err
	}
	if kept, err := os.ReadFile(tokenFile); err == nil && !created {
		fmt.Println(step + ": known")
		return string(kept), nil
	}
	how := "registered"
	if !created {
		how = "known, new token"
		err = s.transaction(ctx, step, key, func(tx pgx.Tx) error {
			return tx.QueryRow(ctx, newToken, id).Scan(&token)
		})
		if err != nil {
			return "", err
		}
	}
	fmt.Println(step + ": " + how)
	return *token, os.WriteFile(tokenFile, []byte(*token), 0o600)
}

func (s *shop) order(ctx context.Context, token, id string, amount int64, merchant string) error {
	var (
		authorizationID, decision string
		reason                    *string
		maxApprovable             int64
		retryAt                   *time.Time
		replayed                  bool
	)
	err := s.transaction(ctx, "order "+id, token, func(tx pgx.Tx) error {
		// The key is the order's: however often this is done, it is decided once.
		err := tx.QueryRow(ctx, authorize, amount, merchant, "order-"+id).
			Scan(&authorizationID, &decision, &reason, &maxApprovable, &retryAt, &replayed)
		// Replayed: an earlier try was committed, and with it the order.
		if err != nil || replayed {
			return err
		}
		_, err = tx.Exec(ctx, insert, id, merchant, amount, decision, reason, authorizationID)
		return err
	})
	if err != nil {
		return err
	}
	before := ""
	if replayed {
		before = " (decided before)"
	}
	if decision == "approved" {
		fmt.Printf("order %s: approved%s\n", id, before)
	} else {
		fmt.Printf("order %s: declined: %s; %d would pass now, %d %s%s\n",
			id, *reason, maxApprovable, amount, when(retryAt), before)
	}
	return nil
}

func when(instant *time.Time) string {
	if instant == nil {
		return "never"
	}
	return instant.UTC().Format("from 2006-01-02T15:04Z")
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: shop AGENT ORDER AMOUNT MERCHANT")
	}
	rand.Seed(time.Now().UnixNano())
	ctx := context.Background()
	amount, err := strconv.ParseInt(os.Args[3], 10, 64)
	fail(err)
	conn, err := connect(ctx)
	fail(err)
	shop := &shop{conn}
	token, err := shop.register(ctx, os.Getenv("SHOP_KEY"), os.Args[1])
	fail(err)
	fail(shop.order(ctx, token, os.Args[2], amount, os.Args[4]))
}

func fail(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
