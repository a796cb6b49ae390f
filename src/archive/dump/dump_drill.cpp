// See dump_drill.hpp.
#include "archive/dump/dump_drill.hpp"

#include <ranges>

#include <fmt/format.h>

#include "archive/restore/private_server.hpp"
#include "archive/restore/scratch.hpp"
#include "instance/binaries.hpp"
#include "instance/server_command.hpp"
#include "pg/control_file.hpp"

namespace pgkeel::archive {
namespace {

// A role of its own, so that every role of the globals can be made.
constexpr const char* kSuperuser = "pgkeel_drill";
constexpr std::size_t kGlobalsBytesMax = 64U << 20U;
constexpr Seconds kInitPatience{300};
constexpr std::uint64_t kRoomPerByte = 2;  // indexes, which a dump does not hold

bool serves(const std::filesystem::path& dir) {
  return !dir.empty() && instance::program_in(dir, "initdb") &&
         instance::program_in(dir, "postgres");
}

// At least as new as the pg_dump was, whose settings an older server may not know.
Result<ClientPrograms> server_programs(const DumpDrillRequest& request, const Dump& dump) {
  if (request.image) return request.image_programs;
  return find_server_programs(dump.client_major, request.bin_dir);
}

class Drill {
 public:
  Drill(const DumpDrillRequest& request, const Dump& dump, ClientPrograms programs,
        const Scratch& scratch)
      : request_(request), dump_(dump), programs_(std::move(programs)), scratch_(scratch) {}

  Result<void> run(Proof& proof) {
    const auto began = SteadyClock::now();
    TRY_VOID(init());
    TRY(server,
        PrivateServer::start({.bin_dir = programs_.place.dir,
                              .image = request_.image,
                              .data_dir = scratch_.data(),
                              .work_dir = scratch_.work(),
                              .account = request_.account,
                              .superuser = kSuperuser,
                              .settings = {{"fsync", "off"}, {"full_page_writes", "off"}}}));
    TRY_VOID(server->await_ready(request_.stop, {}));
    TRY(conninfo, pg::parse_conninfo(server->conninfo("postgres")));
    server_ = {conninfo, request_.account};
    const bool with_roles = !dump_.globals.key.empty();
    if (with_roles) TRY_VOID(make_roles());
    for (std::size_t i = 0; i < dump_.databases.size(); ++i)
      TRY_VOID(restore(i, with_roles ? Owners::Keep : Owners::Leave, proof));
    proof.copy_took = std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
    proof.checked.push_back(fmt::format("{} databases, {} tables, {} rows as they were dumped",
                                        dump_.databases.size(), proof.rows.size(), rows_));
    return {};
  }

 private:
  Result<void> init() const {
    runtime::ProcessSpec spec;
    spec.argv = programs_.place.command("initdb");
    spec.argv.insert(
        spec.argv.end(),
        {"-D", scratch_.data().string(), std::string("--username=") + kSuperuser, "--encoding=UTF8",
         "--locale=C", "--auth-local=trust", "--no-sync", "--no-instructions"});
    spec.environment_removed =
        instance::server_environment(instance::ambient_environment(), std::nullopt).remove;
    spec.working_dir = "/";
    if (programs_.place.via.empty()) spec.run_as = request_.account;
    TRY(process, runtime::PipedProcess::start(spec, runtime::PipedProcess::Stream::ToProgram,
                                              request_.stop));
    TRY(output, process.finish(kInitPatience));
    return ended_well(output, "initdb");
  }

  // A line that another server's settings do not allow is not the dump's fault; where a role is
  // missing in the end, pg_restore says so.
  Result<void> make_roles() const {
    TRY(text,
        read_encoded_text(*request_.store, dump_.globals.key, *request_.keys, kGlobalsBytesMax));
    TRY(session, open_sql(server_, ""));
    std::string_view rest = text;
    while (!rest.empty()) {
      const auto line = rest.substr(0, rest.find('\n'));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
      if (is_about_roles(line)) static_cast<void>(session.run(std::string(line)));
    }
    return {};
  }

  static bool is_about_roles(std::string_view line) {
    if (line.starts_with("CREATE ROLE ") || line.starts_with("ALTER ROLE ")) return true;
    return line.starts_with("GRANT ") && line.find(" ON ") == std::string_view::npos;
  }

  Result<void> restore(std::size_t i, Owners owners, Proof& proof) {
    const auto& database = dump_.databases[i];
    const auto before = bytes_;
    auto restored = restore_dump({.store = request_.store,
                                  .keys = request_.keys,
                                  .database = &database,
                                  .programs = programs_,
                                  .server = server_,
                                  .as = fmt::format("drill_{}", i),
                                  .owners = owners,
                                  .locales = Locales::OrC,
                                  .stop = request_.stop,
                                  .tell = [&](std::uint64_t bytes) {
                                    if (request_.tell)
                                      request_.tell(before + bytes, dump_.plain_bytes());
                                  }});
    if (!restored)
      return fail(std::move(restored).error().with_context("database " + database.name));
    if (restored->locale_replaced)
      proof.checked.push_back(fmt::format("database {} with locale C: this machine has no {}",
                                          database.name, database.locale.described()));
    bytes_ += database.object.plain_bytes;
    for (const auto& [table, count] : restored->rows) {
      proof.rows[database.name + "." + table] = count;
      rows_ += count;
    }
    return {};
  }

  const DumpDrillRequest& request_;
  const Dump& dump_;
  ClientPrograms programs_;
  const Scratch& scratch_;
  DumpServer server_;
  std::uint64_t bytes_ = 0;
  std::int64_t rows_ = 0;
};

}  // namespace

Result<Dump> dump_to_drill(const DumpDrillRequest& request) {
  if (request.label) return find_dump(*request.store, *request.label);
  TRY(dumps, list_dumps(*request.store));
  for (auto& dump : std::views::reverse(dumps))
    if (dump.good()) return std::move(dump);
  return fail(Error(ErrorCode::NotFound, "the archive holds no good dump")
                  .with_hint("'pgkeel dump now' makes one; 'pgkeel dump list' shows what failed."));
}

Result<ClientPrograms> find_server_programs(int major, const std::filesystem::path& preferred) {
  if (auto found = find_client_programs(major, preferred); found && serves(found->place.dir))
    return found;
  for (int each = major; each <= pg::kMajorMax; ++each) {
    const auto dir = instance::find_bin_dir(each);
    if (!dir) continue;
    auto other = find_client_programs(major, *dir);
    if (other && serves(other->place.dir)) return other;
  }
  return fail(
      Error(ErrorCode::MissingBinary,
            fmt::format("to prove this dump a server of PostgreSQL {} or newer is needed here",
                        major))
          .with_hint(fmt::format("Install postgresql-{}; its own cluster is not needed.", major)));
}

Result<DumpDrill> drill_dump(const DumpDrillRequest& request) {
  TRY(dump, dump_to_drill(request));
  TRY(programs, server_programs(request, dump));
  TRY(scratch, Scratch::prepare(request.scratch, "dump", request.account));
  Backup size;
  size.label = "dump " + dump.label;
  size.plain_bytes = dump.plain_bytes() * kRoomPerByte;
  TRY_VOID(scratch.ask_for_room(size));
  DumpDrill result{dump.label, {}};
  auto& proof = result.proof;
  proof.kind = Proof::Kind::Drill;
  const auto done = Drill(request, dump, programs, scratch).run(proof);
  proof.at = wall_now();
  if (!done && done.error().code == ErrorCode::Cancelled) return fail(done.error());
  proof.holds = done.has_value();
  if (!done) proof.failure = done.error().message();
  TRY_VOID(write_dump_proof(*request.store, dump.label, proof));
  TRY_VOID(scratch.clear());
  return result;
}

}  // namespace pgkeel::archive
