// shadow.json and relay.json, and what the shadow's server runs with.
#include "shadow/standby/status.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "shadow/relay/status.hpp"
#include "shadow/standby/settings.hpp"

namespace pgkeel::shadow {
namespace {

TEST(ShadowStatus, ComesBackAsWritten) {
  // Goal: the guard reads what the shadow wrote, everything of it.
  ShadowStatus status;
  status.pid = 77;
  status.state = ShadowState::Held;
  status.data_dir = "/srv/shadow";
  status.backup = "20261122T142113Z";
  status.bytes = 3;
  status.bytes_all = 9;
  status.timeline = TimelineId(2);
  status.replayed_lsn = Lsn(0x1'0000'0028);
  status.gate_read_lsn = Lsn(0x1'0000'0128);
  status.kept_from = "shop.public.orders dropped";
  status.kept_until = status.written_at;
  status.replayed_until = parse_iso8601("2026-11-22T10:00:00.5Z").value();
  status.following_since = status.replayed_until;
  status.problem =
      archive::problem_of(Error(ErrorCode::WrongState, "held \xff"), *status.replayed_until);
  const auto read = parse_shadow_status(to_json(status));
  ASSERT_TRUE(read);
  EXPECT_EQ(to_json(*read), to_json(status));
  EXPECT_EQ(read->problem->code, status.problem->code);
}

TEST(ShadowStatus, RefusesWhatIsNone) {
  // Goal: damaged files never look like a status; odd types read as empty.
  for (const auto* text : {"", "[]", "{}", "{\"state\":\"flying\"}"})
    EXPECT_FALSE(parse_shadow_status(text)) << text;
  const auto odd = parse_shadow_status(R"({"state":"held","pid":"x","problem":3,"bytes":-1})");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->pid, 0);
  EXPECT_FALSE(odd->problem);
}

TEST(RelayStatus, TellsWhatIsHeldAndRefused) {
  // Goal: what the shadow acts on comes back: who streams, what one is not given, and why.
  StandbyView held;
  held.application_name = "pgkeel_shadow";
  held.streaming = true;
  held.sent = Lsn(0x500000);
  held.held = UnfitRecord{Lsn(0x500028), "CREATE TABLESPACE 16400 at /srv"};
  StandbyView refused;
  refused.application_name = "other";
  refused.refusal = Error(ErrorCode::NotFound, "the archive does not have it");
  const auto read = parse_relay_status(to_json({held, refused}));
  ASSERT_TRUE(read);
  ASSERT_EQ(read->size(), 2U);
  EXPECT_TRUE((*read)[0].streaming);
  EXPECT_EQ((*read)[0].held->start, Lsn(0x500028));
  EXPECT_EQ((*read)[0].held->what, held.held->what);
  EXPECT_FALSE((*read)[0].refusal);
  EXPECT_THAT((*read)[1].refusal->message(), testing::HasSubstr("does not have it"));
  for (const auto* text : {"", "{}", "{\"standbys\":3}"}) EXPECT_FALSE(parse_relay_status(text));
}

TEST(StandbySettings, LeaveNothingToTheCopiedConfiguration) {
  // Goal: limits follow the primary's, targets of an earlier restore are gone, and names a version
  // does not know are not given to it.
  pg::ControlFile control;
  control.max_connections = 300;
  const auto names_of = [&control](int major) {
    control.major = major;
    std::vector<std::string> names;
    for (const auto& [name, value] : standby_settings(control, "/run/x", "me")) {
      names.push_back(name);
      if (name == "max_connections") EXPECT_EQ(value, "300");
      if (name.starts_with("recovery_target") && name != "recovery_target_timeline" &&
          name != "recovery_target_action")
        EXPECT_EQ(value, "") << name;
    }
    return names;
  };
  using testing::Contains;
  using testing::Not;
  EXPECT_THAT(names_of(13), Contains("stats_temp_directory"));
  EXPECT_THAT(names_of(15), Contains("promote_trigger_file"));
  EXPECT_THAT(names_of(15), Not(Contains("stats_temp_directory")));
  EXPECT_THAT(names_of(16), Not(Contains("promote_trigger_file")));
  for (const auto* name : {"recovery_target_time", "recovery_target_lsn", "recovery_target_xid",
                           "recovery_target_name", "recovery_min_apply_delay"})
    EXPECT_THAT(names_of(18), Contains(name));
}

}  // namespace
}  // namespace pgkeel::shadow
