// pgkeel backup verify: every byte of a backup and its WAL read again and compared.
#include <fmt/format.h>

#include <thread>

#include "app/archive/progress.hpp"
#include "app/archive/tools.hpp"
#include "app/commands/commands.hpp"
#include "app/json_read.hpp"
#include "archive/catalog/proof.hpp"
#include "archive/verify/verify.hpp"

namespace pgkeel::app {
namespace {

constexpr Millis kTellEvery{250};

Result<archive::VerifyReport> verify_shown(const ArchiveTools& tools, const archive::Backup& backup,
                                           const archive::WalIndex& wal, const StopOnSignal& stop) {
  std::atomic<std::uint64_t> bytes{0};
  const archive::VerifyRequest request{tools.store.get(), &tools.keys, &backup, &wal, &bytes,
                                       stop.token()};
  ProgressLine line;
  const auto began = SteadyClock::now();
  const std::jthread teller([&](const std::stop_token& ended) {
    while (!ended.stop_requested()) {
      const auto took = std::chrono::duration_cast<Millis>(SteadyClock::now() - began);
      line.show("verifying " + amount_text(bytes, backup.plain_bytes, took));
      std::this_thread::sleep_for(kTellEvery);
    }
  });
  return archive::verify(request);
}

archive::Proof proof_of(const archive::VerifyReport& report) {
  archive::Proof proof;
  proof.kind = archive::Proof::Kind::Verify;
  proof.at = wall_now();
  proof.holds = report.holds();
  proof.failure = report.holds() ? "" : report.damage.front();
  proof.checked = report.checked;
  return proof;
}

void print(const archive::Backup& backup, const archive::VerifyReport& report) {
  for (const auto& damage : report.damage) fmt::print("DAMAGED  {}\n", damage);
  fmt::print("Backup {}: {}; {}.\n", backup.label, fmt::join(report.checked, ", "),
             report.holds() ? "nothing is wrong"
                            : fmt::format("{} places are damaged", report.damage.size()));
}

Result<int> run(const Invocation& invocation) {
  TRY(config, invocation.load());
  TRY(tools, open_archive(config, which_store(invocation)));
  const StopOnSignal stop;
  TRY(backups, archive::list_backups(*tools.store));
  if (const auto label = invocation.value("ID")) {
    TRY(one, archive::find_backup(*tools.store, *label));
    backups = {one};
  }
  if (backups.empty()) return fail(ErrorCode::NotFound, "the archive holds no backup");
  TRY(wal, archive::WalIndex::read(*tools.store, backups.back().wal_segment_bytes));
  bool all_hold = true;
  Json rows = Json::array();
  for (const auto& backup : backups) {
    TRY(report, verify_shown(tools, backup, wal, stop));
    TRY_VOID(archive::write_proof(*tools.store, backup.label, proof_of(report)));
    all_hold = all_hold && report.holds();
    rows.push_back({{"backup", backup.label},
                    {"holds", report.holds()},
                    {"checked", report.checked},
                    {"damage", report.damage}});
    if (!invocation.global.json) print(backup, report);
  }
  if (invocation.global.json) fmt::print("{}", to_line({{"backups", std::move(rows)}}));
  return all_hold ? 0 : 1;
}

}  // namespace

CommandSpec backup_verify_command() {
  return {.name = "backup verify",
          .summary = "read backups again and compare every byte",
          .details =
              "Digests of all objects, checksums of all files against the server's manifest, WAL "
              "without a gap. Only a drill proves that a backup restores.",
          .example = "pgkeel backup verify 20261121T030000Z",
          .options = {offsite_option()},
          .arguments = {{.names = "ID", .help = "a backup; all when left out"}},
          .run = run};
}

}  // namespace pgkeel::app
