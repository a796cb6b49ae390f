// pgkeel wal-fetch: one WAL file for a server that replays; made to be its restore_command.
// The exit code is what keeps data safe: 1 says "there is no more WAL", upon which the server goes
// live, so anything else that is wrong ends with a code above 125, upon which it stops.
#include <fmt/format.h>

#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/report_error.hpp"
#include "archive/catalog/marker.hpp"
#include "archive/restore/wal_server.hpp"

namespace pgkeel::app {
namespace {

constexpr int kNoMore = 1;
constexpr int kStopReplay = 200;  // PostgreSQL ends recovery with an error above 125

Result<archive::Fetched> from_archive(const Invocation& invocation, const std::string& name,
                                      const std::string& path) {
  TRY(config, invocation.load());
  TRY(tools, open_archive(config));
  TRY(marker, archive::read_marker(*tools.store));
  if (!marker) return fail(ErrorCode::NotFound, tools.store->describe() + " holds no archive");
  archive::WalSource source(*tools.store, tools.keys, tools.incoming, marker->wal_segment_bytes);
  return source.fetch(name, path);
}

Result<int> run(const Invocation& invocation) {
  const auto name = *invocation.value("NAME");
  const auto path = *invocation.value("PATH");
  const auto socket = invocation.value("--socket");
  const auto fetched = socket ? archive::fetch_from_server(*socket, name, path)
                              : from_archive(invocation, name, path);
  if (!fetched) {
    report_error(fetched.error(), ErrorForm::Text);
    return kStopReplay;
  }
  return *fetched == archive::Fetched::Yes ? 0 : kNoMore;
}

}  // namespace

CommandSpec wal_fetch_command() {
  return {
      .name = "wal-fetch",
      .summary = "fetch one WAL file from the archive, as a restore_command",
      .details =
          "Exit code 1 means that there is no more WAL, which is where a server's recovery "
          "ends. Whatever else is wrong (the store does not answer, an object is damaged, "
          "WAL is missing in the middle) ends with a code above 125, which makes the server "
          "stop instead of going live too early.",
      .example = "pgkeel wal-fetch --config /etc/pgkeel/pgkeel.toml %f \"%p\"",
      .options = {{.names = "--socket",
                   .value = "SOCKET",
                   .help = "ask a running restore instead of the archive"}},
      .arguments =
          {{.names = "NAME", .help = "the file's name (%f)", .given = OptionSpec::Given::Required},
           {.names = "PATH", .help = "where it goes (%p)", .given = OptionSpec::Given::Required}},
      .run = run};
}

}  // namespace pgkeel::app
