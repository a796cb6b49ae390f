// See undrop.hpp.
#include "archive/undrop/undrop.hpp"

#include <fmt/format.h>

#include "archive/undrop/merge.hpp"
#include "pg/sql_text.hpp"

namespace pgkeel::archive {
namespace {

using nlohmann::json;

constexpr const char* kLiveNames =
    "select pg_catalog.json_agg(n.nspname || '.' || c.relname) from pg_catalog.pg_class c join "
    "pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r','p','f','v','m') "
    "and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'";
constexpr const char* kSchemaIsThere =
    "select pg_catalog.to_json(exists (select from pg_catalog.pg_namespace where nspname = {}))";

// What is locked where it stands stays locked.
constexpr const char* kNoPatience = "-c lock_timeout=5s";

/// What stands in the live server under the name that is wanted.
struct Occupant {
  bool there = false;
  std::uint32_t oid = 0;
  std::uint32_t database_oid = 0;
  std::string comment;
};

std::string dotted(const UndropSubject& subject) { return subject.schema + "." + subject.table; }

Result<Occupant> look_at_database(const UndropRequest& request, const std::string& name) {
  TRY(literal, pg::quote_literal(name));
  TRY(row, ask_json(request.live, request.live.conninfo.database,
                    "select pg_catalog.json_build_object('oid', oid::int8, 'comment', "
                    "coalesce(pg_catalog.shobj_description(oid, 'pg_database'), '')) from "
                    "pg_catalog.pg_database where datname = " +
                        literal));
  if (!row.is_object()) return Occupant{};
  const auto oid = row.value("oid", std::uint32_t{0});
  return Occupant{true, oid, oid, row.value("comment", "")};
}

Result<Occupant> look_at_occupant(const UndropRequest& request) {
  const auto& subject = wanted(request);
  TRY(database, look_at_database(request, subject.database));
  if (subject.is_database()) return database;
  if (!database.there)
    return fail(
        Error(ErrorCode::NotFound, fmt::format("there is no database {} to bring a table "
                                               "back into",
                                               subject.database))
            .with_hint(fmt::format("'pgkeel undrop {}' brings all of it back.", subject.database)));
  TRY(name, pg::quote_qualified(subject.schema, subject.table));
  TRY(literal, pg::quote_literal(name));
  TRY(oid, ask_json(request.live, subject.database,
                    fmt::format("select pg_catalog.to_regclass({})::oid::int8", literal)));
  if (!oid.is_number()) return Occupant{false, 0, database.oid, ""};
  return Occupant{true, oid.get<std::uint32_t>(), database.oid, ""};
}

bool is_work_of(const UndropMarker& marker, const UndropRequest& request, const Occupant& there) {
  const auto& subject = wanted(request);
  if (marker.database != subject.database || marker.database_oid != there.database_oid)
    return false;
  if (subject.is_database()) return marker.relations.empty();
  const auto found = marker.relations.find(dotted(subject));
  return found != marker.relations.end() && found->second == there.oid;
}

Result<Undropped> from_json(const json& result) {
  Undropped done;
  done.earlier = true;
  done.name = result.value("name", "");
  done.rows = result.value("rows", std::int64_t{0});
  done.backup = result.value("backup", "");
  done.from_shadow = result.value("from", "") == "shadow";
  if (const auto lsn = parse_lsn(result.value("lsn", ""))) done.lsn = *lsn;
  if (result.contains("relations"))
    for (const auto& row : result["relations"])
      done.relations.push_back({row.value("name", ""), row.value("rows", std::int64_t{0})});
  return done;
}

// What an undrop that was killed had done is finished and reported as it would have been.
Result<std::optional<Undropped>> find_done(const UndropRequest& request, const Occupant& there) {
  if (!there.there) return std::nullopt;
  const auto marker = read_marker_file(request.scratch / "undrop.json");
  const bool ours = marker && is_work_of(*marker, request, there);
  if (!ours)
    return fail(
        Error(ErrorCode::Refused, fmt::format("{} exists; nothing that exists is overwritten",
                                              wanted(request).describe()))
            .with_hint(
                "Bring it back beside that one: --as another_name, or --as schema.name. Rows "
                "that a table lacks are added to it with --merge."));
  TRY(done, from_json(marker->result));
  if (wanted(request).is_database()) {
    if (there.comment == half_made_mark(wanted(request)))
      TRY_VOID(unmark_database(request, marker->result.value("comment", "")));
    return done;
  }
  std::vector<std::string> quoted;
  for (const auto& [name, oid] : marker->relations) {
    const auto dot = name.find('.');
    TRY(text, pg::quote_qualified(name.substr(0, dot), name.substr(dot + 1)));
    quoted.push_back(text);
  }
  TRY_VOID(finish_table(request, quoted, done));
  return done;
}

bool merges(const UndropRequest& request, const Occupant& there) {
  return request.existing == UndropRequest::Existing::Merge && there.there;
}

// What stands in the way is told before anything is restored.
Result<std::optional<Undropped>> look_before(const UndropRequest& request, const Occupant& there) {
  if (!merges(request, there)) return find_done(request, there);
  TRY_VOID(can_be_merged(request));
  return std::nullopt;
}

// What there is in the live database.
struct LiveState {
  LiveNames names;
  bool schema_is_gone = false;
};

Result<LiveState> look_at_live(const UndropRequest& request) {
  TRY(schema, pg::quote_literal(wanted(request).schema));
  TRY(answers, ask_all(request.live, request.subject.database,
                       {kLiveNames, fmt::format(kSchemaIsThere, schema)}));
  LiveState live;
  for (const auto& row : answers[0].is_array() ? answers[0] : json::array())
    if (row.is_string()) live.names.insert(row.get<std::string>());
  live.schema_is_gone = answers[1] == false;
  return live;
}

// A transaction that was prepared at that moment holds its locks in the copy too, for ever. The
// copy is ours and is thrown away.
Result<void> end_prepared(const Side& side) {
  TRY_VOID(run_psql(side.copy, side.request->subject.database,
                    "select pg_catalog.format('rollback prepared %L', gid) from "
                    "pg_catalog.pg_prepared_xacts where database = current_database() \\gexec\n"));
  return {};
}

class Undrop {
 public:
  enum class Way { Whole, Merged };
  Undrop(const UndropRequest& request, const Scratch& scratch, Way way)
      : request_(request), scratch_(scratch), way_(way) {}
  Result<Undropped> run();

 private:
  Result<void> copy_over(const std::string& address,
                         const std::optional<runtime::Account>& account);
  Result<void> copy_restored(const PrivateServer& server, const Restored& restored);
  Result<void> copy_table(const Side& side);
  Result<void> copy_database(const Side& side);
  void say(std::string_view what) const {
    if (request_.tell) request_.tell(what);
  }

  const UndropRequest& request_;
  const Scratch& scratch_;
  Way way_;
  Undropped done_;
};

Result<void> Undrop::copy_table(const Side& side) {
  TRY(live, look_at_live(request_));
  auto taken = take_table_out(side, live.names, live.schema_is_gone);
  if (!taken) return fail(of_copy(side, taken.error()));
  say("copying the rows back");
  return put_table_back(side, *taken, done_);
}

Result<void> Undrop::copy_database(const Side& side) {
  TRY_VOID(clear_half_made_database(request_));
  auto taken = take_database_out(side);
  if (!taken) return fail(of_copy(side, taken.error()));
  say("copying the rows back");
  return put_database_back(side, *taken, done_);
}

Result<void> Undrop::copy_restored(const PrivateServer& server, const Restored& restored) {
  done_.backup = restored.backup.label;
  done_.from_shadow = restored.brought;
  done_.lsn = restored.lsn;
  return copy_over(server.conninfo("template1"), request_.restore.account);
}

Result<void> Undrop::copy_over(const std::string& address,
                               const std::optional<runtime::Account>& account) {
  say("reading the copy");
  TRY(conninfo, pg::parse_conninfo(address));
  if (request_.standing) conninfo.options["options"] = kNoPatience;
  const Side side{
      &request_, &scratch_, {conninfo, account, request_.live.programs, request_.live.stop}};
  if (!request_.standing && !request_.subject.is_database()) TRY_VOID(end_prepared(side));
  if (way_ == Way::Merged) return merge_table(side, done_);
  return request_.subject.is_database() ? copy_database(side) : copy_table(side);
}

Result<Undropped> Undrop::run() {
  done_.name = wanted(request_).describe();
  if (const auto& standing = request_.standing) {
    done_.from_shadow = true;
    done_.lsn = standing->lsn;
    TRY_VOID(copy_over(standing->conninfo, standing->account));
    return std::move(done_);
  }
  RestoreRequest work = request_.restore;
  work.into = scratch_.data();
  TRY_VOID(restore(work, [this](const PrivateServer& server, const Restored& restored) {
    return copy_restored(server, restored);
  }));
  return std::move(done_);
}

}  // namespace

std::string UndropSubject::describe() const {
  return is_database() ? database : fmt::format("{}.{}.{}", database, schema, table);
}

const UndropSubject& wanted(const UndropRequest& request) {
  return request.as.database.empty() ? request.subject : request.as;
}

std::filesystem::path marker_file(const Scratch& scratch) { return scratch.base() / "undrop.json"; }
std::string half_made_name(const UndropSubject& subject) {
  return subject.database + "_pgkeel_new";
}
std::string half_made_mark(const UndropSubject& subject) {
  return "pgkeel: being made to replace " + subject.database;
}

json to_json(const Undropped& done) {
  json relations = json::array();
  for (const auto& relation : done.relations)
    relations.push_back({{"name", relation.name}, {"rows", relation.rows}});
  json said = {{"restored", done.name},
               {"name", done.name},
               {"rows", done.rows},
               {"relations", relations},
               {"from", done.from_shadow ? "shadow" : "backup"},
               {"backup", done.backup},
               {"lsn", to_string(done.lsn)},
               {"notes", done.notes},
               {"earlier", done.earlier},
               {"exact", done.exact}};
  if (const auto& merged = done.merged)
    said["merged"] = {
        {"added", merged->added}, {"kept", merged->kept}, {"differing", merged->differing}};
  return said;
}

Result<RestorePlan> plan_undrop(const UndropRequest& request) {
  TRY(occupant, look_at_occupant(request));
  TRY_VOID(look_before(request, occupant));
  return plan_restore_of(request.restore);
}

Result<Undropped> undrop(const UndropRequest& request) {
  TRY_VOID(end_earlier_sessions(request.live));
  TRY(occupant, look_at_occupant(request));
  TRY(earlier, look_before(request, occupant));
  if (earlier) return *earlier;
  if (request.standing && !request.as.database.empty())
    return fail(ErrorCode::NotSupported, "what is only read takes no other name");
  std::optional<RestorePlan> plan;
  if (!request.standing) {
    TRY(planned, plan_restore_of(request.restore));
    plan = std::move(planned);
  }
  TRY(scratch, Scratch::prepare(request.scratch, "undrop", request.restore.account));
  if (plan) TRY_VOID(scratch.ask_for_room(plan->backup));
  const auto way = merges(request, occupant) ? Undrop::Way::Merged : Undrop::Way::Whole;
  auto done = Undrop(request, scratch, way).run();
  const auto cleared = scratch.clear();
  if (done && !cleared) done->notes.push_back(cleared.error().message());
  return done;
}

}  // namespace pgkeel::archive
