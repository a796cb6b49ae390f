// What a text does to its session: ties, transactions, verbs. The rule of rules, that never less is
// said than happens, is tested against real servers in test/integration/gateway/.
#include "gateway/sql/session_effects.hpp"

#include <gtest/gtest.h>

namespace pgkeel::gateway::sql {
namespace {

SessionEffects effects(std::string_view sql) { return read_effects(sql).effects; }
BitSet<Tie> ties(std::string_view sql) { return effects(sql).ties; }
BitSet<Tie> undone(std::string_view sql) { return effects(sql).undone; }
BitSet<Trait> traits(std::string_view sql) { return effects(sql).traits; }

TEST(SessionEffects, AreNoneForWhatApplicationsMostlySay) {
  // Goal: the statements of pgbench and of a mapper leave nothing behind, and are told by verb.
  const struct {
    std::string_view sql;
    Verb verb;
  } kPlain[] = {
      {"SELECT abalance FROM pgbench_accounts WHERE aid = $1;", Verb::Select},
      {"UPDATE pgbench_accounts SET abalance = abalance + $1 WHERE aid = $2;", Verb::Update},
      {"INSERT INTO temp (local, listen) VALUES ($1, 'LISTEN x; DO')", Verb::Insert},
      {"delete from t where session = 'x' -- ; listen y", Verb::Delete},
      {"WITH hold AS (SELECT 1) SELECT * FROM hold", Verb::With},
      {"MERGE INTO temp USING s ON true WHEN MATCHED THEN DELETE", Verb::Merge},
      {"(values (1)) union (table x)", Verb::Select},
      {"SELECT pg_advisory_xact_lock(1), pg_advisory_unlock(2)", Verb::Select},
      {"SELECT lastval, \"setseed\" FROM t WHERE set_config = 1", Verb::Select},
      {"ALTER TABLE t ADD COLUMN temp int", Verb::Other},
      {"CREATE TABLE t (temporary int)", Verb::Other},
      {"DECLARE c CURSOR WITHOUT HOLD FOR SELECT 1", Verb::Other},
      {"CREATE TEMP TABLE t (a int) ON COMMIT DROP", Verb::Other},
      {"SELECT * FROM pg_settings FOR UPDATE", Verb::Select},
      {"", Verb::None},
      {" ; /* listen x */ ; -- do", Verb::None},
  };
  for (const auto& [sql, verb] : kPlain) {
    const auto seen = effects(sql);
    EXPECT_TRUE(seen.ties.empty() && seen.undone.empty() && seen.traits.empty()) << sql;
    EXPECT_EQ(seen.verb, verb) << sql;
    EXPECT_EQ(seen.statements, verb == Verb::None ? 0 : 1) << sql;
  }
}

TEST(SessionEffects, NameWhatTiesASession) {
  // Goal: every kind of tie, whatever the case of letters, the comments and the quoting.
  EXPECT_EQ(ties("listen X"), Tie::Listen);
  EXPECT_EQ(ties("Create /* */ TEMP--\nTable t()"), Tie::TempObject);
  for (const std::string_view sql :
       {"CREATE LOCAL TEMPORARY TABLE t ()", "create global temp sequence s",
        "CREATE OR REPLACE TEMP VIEW v AS SELECT 1", "SELECT 1 INTO TEMP t",
        "SELECT 1 INTO LOCAL TEMPORARY TABLE t", "WITH a AS (SELECT 1) SELECT 1into temp t",
        "CREATE TABLE pg_temp.t ()", "create function \"pg_temp\".f() returns int",
        "SELECT 1 INTO pg_temp_3.t", "EXPLAIN (ANALYZE, VERBOSE) CREATE TEMP TABLE t AS SELECT 1",
        "SET search_path = pg_temp, public", "SELECT set_config('search_path', 'PG_TEMP', true)",
        "CREATE TEMP VIEW v AS SELECT 1 ON COMMIT DROP"})
    EXPECT_EQ(ties(sql), Tie::TempObject) << sql;
  for (const std::string_view sql :
       {"SELECT pg_advisory_lock(1)", "select pg_catalog . PG_TRY_ADVISORY_LOCK /**/ (1)",
        "INSERT INTO t SELECT \"pg_advisory_lock_shared\"(1, 2)",
        "(select pg_try_advisory_lock_shared(1))"})
    EXPECT_EQ(ties(sql), Tie::AdvisoryLock) << sql;
  EXPECT_EQ(ties("DECLARE c CURSOR WITH HOLD FOR SELECT 1"), Tie::HoldCursor);
  EXPECT_EQ(ties("PREPARE p AS SELECT 1"), Tie::Prepared);
  EXPECT_EQ(ties("load 'auto_explain'"), Tie::Library);
  EXPECT_EQ(ties("select currval('s')") | ties("select LASTVAL()"), Tie::Sequence);
  EXPECT_EQ(ties("select setseed(.5)") | ties("SET seed TO 0.5"), Tie::Seed);
  EXPECT_EQ(ties("select pg_create_logical_replication_slot('a', 'b', true)"), Tie::Resource);
}

TEST(SessionEffects, SayWhatIsCertainlyUndone) {
  // Goal: only what no condition, no later statement and no rollback can bring back.
  EXPECT_EQ(undone("UNLISTEN *"), Tie::Listen);
  EXPECT_TRUE(undone("UNLISTEN x").empty());
  EXPECT_EQ(undone("DEALLOCATE ALL"), Tie::Prepared);
  EXPECT_EQ(undone("deallocate prepare all;"), Tie::Prepared);
  EXPECT_TRUE(undone("DEALLOCATE \"all\"").empty());
  EXPECT_TRUE(undone("DISCARD ALL").has(Tie::AdvisoryLock));
  EXPECT_FALSE(undone("DISCARD ALL").has(Tie::Library));
  EXPECT_EQ(undone("DISCARD TEMPORARY"), Tie::TempObject);
  EXPECT_EQ(undone("CLOSE ALL"), Tie::HoldCursor);
  EXPECT_EQ(undone("SELECT pg_advisory_unlock_all()"), Tie::AdvisoryLock);
  EXPECT_EQ(undone("select pg_catalog.pg_advisory_unlock_all();"), Tie::AdvisoryLock);
  EXPECT_TRUE(undone("SELECT pg_advisory_unlock_all() WHERE false").empty());
  EXPECT_TRUE(undone("SELECT x.pg_advisory_unlock_all()").empty());
  EXPECT_TRUE(undone("BEGIN; UNLISTEN *; ROLLBACK").empty());
  EXPECT_TRUE(undone("UNLISTEN *; DO $$$$").empty());
  EXPECT_EQ(undone("UNLISTEN *; DEALLOCATE ALL; LISTEN x"), Tie::Prepared);
  EXPECT_EQ(ties("LISTEN x; UNLISTEN *"), Tie::Listen);
}

TEST(SessionEffects, FollowTransactions) {
  // Goal: each statement that moves a transaction, told apart from what begins alike.
  EXPECT_EQ(traits("BEGIN ISOLATION LEVEL SERIALIZABLE") | traits("start transaction"),
            Trait::Begins);
  EXPECT_EQ(traits("COMMIT AND CHAIN") | traits("end work"), Trait::Commits);
  EXPECT_EQ(traits("ROLLBACK") | traits("ABORT"), Trait::RollsBack);
  EXPECT_EQ(traits("ROLLBACK TO s") | traits("rollback work to savepoint s"), Trait::RollsBackTo);
  EXPECT_EQ(traits("SAVEPOINT s") | traits("RELEASE s"), Trait::Savepoint);
  EXPECT_EQ(traits("PREPARE TRANSACTION 'x'"), Trait::PreparesTransaction);
  EXPECT_EQ(ties("PREPARE transaction AS SELECT 1"), Tie::Prepared);
  EXPECT_EQ(traits("COMMIT PREPARED 'x'") | traits("rollback prepared 'x'"), Trait::EndsPrepared);
  EXPECT_EQ(traits("COPY t FROM STDIN"), Trait::Copies);
  const auto several = effects("BEGIN; SELECT ';'; COMMIT;");
  EXPECT_EQ(several.statements, 3);
  EXPECT_EQ(several.verb, Verb::Begin);
}

TEST(SessionEffects, AdmitWhatCannotBeSeen) {
  // Goal: whatever runs something that is not in the text, or can be read in two ways, says so.
  for (const std::string_view sql :
       {"DO $$ BEGIN LISTEN x; END $$", "CALL p()", "EXECUTE p(1)", "EXPLAIN ANALYZE EXECUTE p",
        "CREATE TABLE t AS EXECUTE p", "FROBNICATE x",
        "SELECT query_to_xml('listen x', true, true, '')"})
    EXPECT_TRUE(traits(sql).has(Trait::Opaque)) << sql;
  for (const std::string_view sql :
       {"SELECT U&\"pg_advisory_l\\006fck\"(1)", "SET search_path = $$pg_temp$$",
        "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END",
        "select set_config(E'search_path', E'pg\\x5ftemp', false)"})
    EXPECT_TRUE(traits(sql).has(Trait::Unsure)) << sql;
  const LexicalRules kUnknown{.backslash = Backslash::Unknown};
  EXPECT_TRUE(read_effects(R"(select 'a\'')", kUnknown).effects.traits.has(Trait::Unsure));
}

TEST(SessionEffects, AreTheSameInPieces) {
  // Goal: a text cut anywhere says what it says in one piece.
  constexpr std::string_view kText =
      "/* c */ SET LOCAL \"Work_Mem\" = '1MB'; select set_config('a.b'::text, 'x''y', false), "
      "pg_catalog.pg_advisory_lock(1); PREPARE \"P\" AS SELECT $1; EXPLAIN (ANALYZE) SELECT 1 INTO "
      "TEMP t; RESET TIME ZONE; DEALLOCATE PREPARE q";
  const auto whole = read_effects(kText);
  EXPECT_EQ(whole.names.size(), 4U);
  for (std::size_t cut = 0; cut <= kText.size(); ++cut) {
    EffectsReader reader({});
    const std::string front(kText.substr(0, cut)), back(kText.substr(cut));
    reader.feed(front);
    reader.feed(back);
    const auto seen = reader.finish();
    EXPECT_EQ(seen.ties, whole.effects.ties) << cut;
    EXPECT_EQ(seen.traits, whole.effects.traits) << cut;
    EXPECT_EQ(seen.statements, whole.effects.statements) << cut;
    EXPECT_EQ(reader.names(), whole.names) << cut;
  }
}

}  // namespace
}  // namespace pgkeel::gateway::sql
