// Times and incidents the unit tests of the room share. Nothing here asks a clock.
#pragma once

#include <gtest/gtest.h>

#include "incident/journal.hpp"
#include "incident/ledger.hpp"
#include "incident/store.hpp"
#include "scratch_dir.hpp"

namespace pgkeel::incident {

/// 2026-11-21T03:04:05Z plus `millis`.
inline WallTime at(std::int64_t millis) {
  return parse_iso8601("2026-11-21T03:04:05Z").value() + Millis(millis);
}

inline Incident sample_incident() {
  Incident incident;
  incident.opened_at = at(0);
  incident.detected = Millis(12);
  incident.cause = "server_killed";
  incident.confidence = 0.98;
  incident.subject = "instance";
  incident.summary = "The server's main process was killed.";
  return incident;
}

inline Action sample_action(std::string step = "start_server") {
  Action action;
  action.playbook = "restart";
  action.step = std::move(step);
  action.detail = "pg_ctl start -D /srv/main";
  action.started_at = at(15);
  return action;
}

inline Identity sample_identity() {
  return {.system_id = SystemId(7'300'000'000'000'000'001ULL),
          .timeline = TimelineId(2),
          .major = 15,
          .last_lsn = Lsn(0x16B374D848ULL),
          .data_dir = "/var/lib/postgresql/15/main",
          .filesystem_type = "ext4",
          .filesystem_uuid = "0a1b2c3d-0000-4000-8000-000000000001",
          .filesystem_fsid = 0xF123'4567'89AB'CDEFULL,
          .mount_point = "/",
          .device = 0xFE00,
          .inode = 123456,
          .image_digest = "sha256:ab",
          .libc = "glibc 2.36",
          .seen_at = at(0)};
}

/// A store in a directory of its own, with its ledger and journal.
struct OpenStore {
  ScratchDir dir;
  std::unique_ptr<Store> store = open_again();
  Ledger ledger{*store};
  Journal journal{*store};

  [[nodiscard]] std::filesystem::path state_dir() const { return dir / "state"; }
  [[nodiscard]] std::unique_ptr<Store> open_again() const {
    auto opened = Store::open(state_dir());
    if (!opened) throw std::runtime_error(opened.error().message());
    return std::move(*opened);
  }
  /// As after a restart of the guard.
  void reopen() {
    store.reset();
    store = open_again();
    ledger = Ledger(*store);
    journal = Journal(*store);
  }
};

}  // namespace pgkeel::incident
