// pgkeel backup pin, unpin, take-over: what a person decides about the archive.
#include <fmt/format.h>

#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "archive/catalog/backup.hpp"
#include "archive/catalog/lease.hpp"
#include "archive/catalog/marker.hpp"
#include "archive/catalog/proof.hpp"
#include "archive/receive/server.hpp"

namespace pgkeel::app {
namespace {

enum class Pin { Set, Clear };

Result<int> set_pin(const Invocation& invocation, Pin pin) {
  TRY(config, invocation.load());
  TRY(tools, open_archive(config));
  TRY(backup, archive::find_backup(*tools.store, *invocation.value("ID")));
  if (pin == Pin::Set) TRY_VOID(archive::pin(*tools.store, backup.label, wall_now()));
  else TRY_VOID(archive::unpin(*tools.store, backup.label));
  if (invocation.global.json)
    fmt::print("{}", to_line({{"backup", backup.label}, {"pinned", pin == Pin::Set}}));
  else
    fmt::print("Backup {} {}.\n", backup.label,
               pin == Pin::Set ? "is kept until 'pgkeel backup unpin'" : "may expire again");
  return 0;
}

Result<int> run_pin(const Invocation& invocation) { return set_pin(invocation, Pin::Set); }
Result<int> run_unpin(const Invocation& invocation) { return set_pin(invocation, Pin::Clear); }

Result<int> run_take_over(const Invocation& invocation) {
  if (!invocation.has("--yes"))
    return fail(ErrorCode::ConfirmationNeeded,
                "this makes this machine the only one that writes the archive");
  TRY(config, invocation.load());
  TRY(tools, open_archive(config));
  TRY(server, find_server_target(config));
  TRY(session,
      client::ReplicationSession::open(server.conninfo, {.connect_as = server.connect_as}));
  TRY(identity, archive::identify(session));
  TRY_VOID(archive::claim_archive(*tools.store,
                                  {identity.system_id, identity.segment_bytes, wall_now()}));
  TRY(writer, archive::Writer::open(config.state_dir));
  TRY_VOID(writer.take_over(*tools.store, {identity.timeline, identity.flushed}));
  if (invocation.global.json) fmt::print("{}", to_line({{"writer", "this machine"}}));
  else fmt::print("This machine writes {} from now on.\n", tools.store->describe());
  return 0;
}

}  // namespace

CommandSpec backup_pin_command() {
  return {
      .name = "backup pin",
      .summary = "keep a backup whatever its age",
      .example = "pgkeel backup pin 20261121T030000Z",
      .arguments = {{.names = "ID", .help = "the backup", .given = OptionSpec::Given::Required}},
      .run = run_pin};
}

CommandSpec backup_unpin_command() {
  return {
      .name = "backup unpin",
      .summary = "let a backup expire again",
      .example = "pgkeel backup unpin 20261121T030000Z",
      .arguments = {{.names = "ID", .help = "the backup", .given = OptionSpec::Given::Required}},
      .run = run_unpin};
}

CommandSpec backup_take_over_command() {
  return {.name = "backup take-over",
          .summary = "make this machine the one that writes the archive",
          .details =
              "An archive has one writer. After a move to another machine, or a restore of the "
              "whole machine, it does not know the new one; this says that it is the one to be "
              "archived. Any other machine archives and expires nothing from then on.",
          .example = "pgkeel backup take-over --yes",
          .options = {{.names = "--yes", .help = "do it"}},
          .run = run_take_over};
}

}  // namespace pgkeel::app
