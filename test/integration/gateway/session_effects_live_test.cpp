// What SQL does to a session, as read from its text, against what a real server then shows: never
// less is said than happened, and nothing is said to be undone that is still there.
#include <set>

#include "integration/gateway/live_session.hpp"
#include "integration/gateway/sql_variants.hpp"
#include "integration/pg/majors.hpp"

namespace pgkeel::test {
namespace {

using namespace gateway::sql;

class SessionEffectsLive : public EveryMajor {};
PGKEEL_FOR_EVERY_MAJOR(SessionEffectsLive);

// What applications and tools say, and what is hard to read. See SqlVariants::spell().
constexpr std::string_view kShapes[] = {
    "select 1",
    "select #a;listen b#",
    "values (1)",
    "table @pg_am",
    "listen chan",
    "listen \"Chan\"",
    "unlisten chan",
    "unlisten *",
    "notify chan",
    "create temp table tt (a int)",
    "create temporary table if not exists tt as select 1 a",
    "create local temp table tt (a int) on commit delete rows",
    "create temp table tt (a int) on commit drop",
    "create global temp sequence ts",
    "create or replace temp view tv as select 1",
    "create temp recursive view tr (n) as select 1",
    "create table pg_temp.tt (a int)",
    "create type pg_temp.ty as enum (#a#)",
    "create function pg_temp.f() returns int language sql as #select/**/1#",
    "create view pg_temp.tv as select 1",
    "select 1 a into temp tt",
    "select 1 a into temporary table tt",
    "select 1into temp tt",
    "select 1.5into local temp tt",
    "with x as (select 1) select * into global temporary tt from x",
    "explain (analyze) create temp table tt as select 1",
    "explain analyze verbose create temp table tt as select 1",
    "create temp table tt as values (1)",
    "set search_path = pg_temp; create table tt (a int)",
    "set search_path to public, #pg_temp#; create table tt (a int)",
    "select @set_config(#search_path#, #pg_temp#, false); create table tt (a int)",
    "set schema #pg_temp#; create table tt (a int)",
    "drop table if exists tt",
    "discard temp",
    "select @pg_advisory_lock(1)",
    "select @pg_advisory_lock_shared (1, 2)",
    "select @pg_try_advisory_lock(3)",
    "select @pg_try_advisory_lock_shared(4)",
    "select @pg_advisory_xact_lock(5)",
    "select @pg_advisory_unlock(1)",
    "select @pg_advisory_unlock_all()",
    "select @pg_advisory_unlock_all() where false",
    "(select @pg_advisory_lock(6))",
    "select case when true then @pg_advisory_lock(7) end",
    "with a as (select @pg_advisory_lock(8)) select * from a",
    "copy (select @pg_advisory_lock(9)) to stdout",
    "explain (analyze, costs off) select @pg_advisory_lock(10)",
    "declare c1 cursor with hold for select 1",
    "declare c2 no scroll cursor with hold for select 1",
    "declare c3 cursor without hold for select 1",
    "close all",
    "close c1",
    "begin; declare c4 cursor with hold for select 1; commit",
    "prepare p1 as select 1",
    "prepare \"P1\" (int) as select $1",
    "prepare transaction as select 1",
    "execute p1",
    "deallocate p1",
    "deallocate prepare all",
    "deallocate all",
    "explain analyze execute p1",
    "load #auto_explain#",
    "set session authorization other",
    "set session authorization #other#",
    "set session authorization default",
    "reset session authorization",
    "set local session authorization other",
    "set session session authorization other",
    "set session_authorization = other",
    "set role other",
    "set role #other#",
    "set role = other",
    "set local role other",
    "reset role",
    "set role none",
    "set work_mem = #2MB#",
    "set session \"work_mem\" to 4096",
    "set local work_mem = 4096",
    "reset work_mem",
    "reset all",
    "discard all",
    "set app.x = 1",
    "set \"app\" . x to #b#",
    "set app.user.id = 7",
    "set session.x = 1",
    "set local.x to 2",
    "set time zone #UTC#",
    "set session time zone interval #1# hour to minute",
    "set local time zone #UTC#",
    "reset time zone",
    "set names #LATIN1#",
    "set client_encoding to latin1",
    "set xml option document",
    "set datestyle = iso, dmy",
    "set session characteristics as transaction isolation level serializable, read write",
    "set transaction isolation level serializable",
    "set constraints all deferred",
    "set extra_float_digits to default",
    "select @set_config(#work_mem#, #3MB#, false)",
    "select @set_config(#work_mem#, #3MB#, true)",
    "select @set_config(#WORK_MEM#::text, #5MB#, 1 = 1)",
    "select @set_config(#app.x#, #v#, not true)",
    "select @set_config(#work_mem#, @set_config(#app.x#, #3MB#, false), true)",
    "select @set_config(setting_name => #work_mem#, new_value => #6MB#, is_local => false)",
    "select @set_config(name, #7MB#, false) from @pg_settings where name = #work_mem#",
    "select @set_config(#work_#||#mem#, #3MB#, false)",
    "update @pg_settings set setting = 4097 where name = #work_mem#",
    "update only @pg_settings as s set setting = #500# where name = #statement_timeout#",
    "do #begin/**/perform/**/pg_advisory_lock(20);end#",
    "do language plpgsql #begin/**/listen/**/x;end#",
    "select query_to_xml(#select/**/pg_advisory_lock(21)#, true, true, #x#)",
    "call pr()",
    "create function fa() returns int begin atomic select 1; select 2; end; listen z; drop "
    "function fa",
    "select U&\"\\0070g_advisory_lock\"(30)",
    "select u&\"!0070g_advisory_lock\" uescape #!# (31)",
    "begin",
    "commit",
    "rollback",
    "end",
    "abort",
    "savepoint a",
    "rollback to a",
    "release a",
    "commit and chain",
    "start transaction",
    "select 1/0",
    "syntax error",
    "create schema sa create temp table tt (a int)",
    "select E'\\'' as a, pg_advisory_lock(40)",
    "select 'a\\' as a, pg_advisory_lock(41) -- '",
    "select $a$ ' $b$ $a$, pg_advisory_lock(42)",
    "select 1 --' \n,pg_advisory_lock(43)",
    "select 2 operator(@+) 3, @pg_advisory_lock(44)",
    "select 1+-- ' \n@pg_try_advisory_lock(45)::int",
    "select 'x' \n 'y', @pg_advisory_lock(46)",
    "explain (analyze) (select @pg_advisory_lock(47))",
    "select e'' '\\'",
    "select B'1''0', X'1f'\n'0', @pg_advisory_lock(48)",
    "set standard_conforming_strings = off",
    "analyze pg_am",
    "checkpoint",
    "lock pg_am",
    "comment on schema public is null",
    "show all",
    "insert into plain values (@pg_try_advisory_lock(49)::int)",
    "delete from plain where @pg_try_advisory_lock(50)",
    "merge into plain using plain p on true when matched then delete",
};
const std::vector<std::string> kCustom = {"app.x", "app.user.id", "session.x", "local.x"};
// Enough that every shape comes in several spellings and in company.
constexpr int kTexts = 1200;

void prepare_database(const PostgresServer& server) {
  server.query(
      "create role other; grant other to postgres; create table plain (a int); grant all on plain "
      "to other;"
      "create procedure pr() language plpgsql as 'begin perform pg_advisory_lock(60); listen pr; "
      "end'");
}

bool may_do_anything(const SessionEffects& effects) {
  return effects.traits.has(Trait::Opaque) || effects.traits.has(Trait::Unsure);
}

void expect_named(const Reading& said, const std::map<std::string, std::string>& happened) {
  for (const auto& [name, setting] : happened) {
    const NamedEffect wanted{NamedEffect::Kind::Sets, name};
    const bool named = std::ranges::find(said.names, wanted) != said.names.end();
    EXPECT_TRUE(named || said.effects.traits.has(Trait::SetsUnknown)) << name << " = " << setting;
  }
}

TEST_P(SessionEffectsLive, never_less_is_said_than_happens) {
  // Goal: whatever a text left in its session, the text was said to leave.
  PostgresServer server(options());
  prepare_database(server);
  SqlVariants variants(static_cast<std::uint32_t>(GetParam()));
  BitSet<Tie> seen;
  int told = 0;
  for (int i = 0; i < kTexts; ++i) {
    const auto sql = variants.text(kShapes);
    SCOPED_TRACE(sql);
    LiveSession session(server);
    session.run(sql);
    session.end_transaction(i % 2 == 0 ? "commit" : "rollback");
    const auto said = read_effects(sql);
    session.run("reset role");
    if (may_do_anything(said.effects)) continue;
    const auto happened = session.ties();
    auto missing = happened;
    EXPECT_TRUE(missing.remove(said.effects.ties).empty()) << "bits " << missing.bits;
    expect_named(said, session.settings(kCustom));
    seen.add(happened);
    ++told;
  }
  EXPECT_GT(told, kTexts / 2);
  EXPECT_EQ(seen.bits, 0x7f) << "not every tie was there at least once";
}

TEST_P(SessionEffectsLive, what_is_undone_is_gone) {
  // Goal: behind a text without an error nothing is there of what it was said to undo.
  PostgresServer server(options());
  prepare_database(server);
  constexpr std::string_view kUndo[] = {"unlisten *",
                                        "discard all",
                                        "discard temp",
                                        "deallocate all",
                                        "deallocate prepare all",
                                        "close all",
                                        "select @pg_advisory_unlock_all()",
                                        "select @pg_advisory_unlock_all() where false",
                                        "listen a",
                                        "select 1",
                                        "set session authorization default",
                                        "reset session authorization",
                                        "begin",
                                        "rollback",
                                        "prepare q as select 1",
                                        "select 1/0",
                                        "commit",
                                        "savepoint a",
                                        "rollback to a",
                                        "select @pg_advisory_lock(2)",
                                        "deallocate \"all\"",
                                        "(select @pg_advisory_unlock_all())",
                                        "create temp table t2 ()",
                                        "do #begin/**/end#"};
  SqlVariants variants(7);
  BitSet<Tie> undone;
  for (int i = 0; i < kTexts / 4; ++i) {
    const auto sql = variants.text(kUndo);
    SCOPED_TRACE(sql);
    LiveSession session(server);
    ASSERT_TRUE(session.run(
        "begin; declare c cursor with hold for select 1; commit; listen x; create temp table t (); "
        "select pg_advisory_lock(1); prepare p as select 1; set session authorization other"));
    if (!session.run(sql)) continue;
    session.end_transaction("commit");
    const auto said = read_effects(sql).effects;
    auto left = session.ties();
    const auto all = left;
    EXPECT_EQ(left.remove(said.undone), all);
    undone.add(said.undone);
  }
  EXPECT_EQ(undone.bits & 0x3f, 0x1f) << "not everything was undone at least once";
}

}  // namespace
}  // namespace pgkeel::test
