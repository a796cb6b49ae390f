#include "app/guard/unit_look.hpp"

#include <gtest/gtest.h>

namespace pgkeel::app {
namespace {

TEST(UnitLook, FindsTheServiceInBothVersionsOfCgroups) {
  // Goal: the unit is the one systemd counts the process to, whatever other hierarchies say.
  EXPECT_EQ(service_in("0::/system.slice/system-postgresql.slice/postgresql@15-main.service\n"),
            "postgresql@15-main.service");
  EXPECT_EQ(service_in("4:memory:/other.service\n1:name=systemd:/system.slice/pg.service\n0::/\n"),
            "pg.service");
  EXPECT_EQ(service_in("0::/system.slice/pg.service/below\n"), "pg.service");
}

TEST(UnitLook, KnowsWhatIsNoService) {
  // Goal: scopes, sessions and the root are nobody's service.
  EXPECT_EQ(service_in("0::/system.slice/pgkeel-postgresql-148.scope\n"), std::nullopt);
  EXPECT_EQ(service_in("4:memory:/other.service\n0::/\n"), std::nullopt);
  EXPECT_EQ(service_in(""), std::nullopt);
}

TEST(UnitLook, WarnsOfAUnitThatEndsTheServerForABackend) {
  // Goal: systemd's default is a trap and is named with the line that mends it (D5).
  EXPECT_TRUE(oom_policy_warnings("pg.service", "continue").empty());
  EXPECT_TRUE(oom_policy_warnings("pg.service", "").empty());
  const auto warnings = oom_policy_warnings("pg.service", "stop");
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_EQ(warnings.front().name, "unit_stops_on_oom");
  EXPECT_EQ(warnings.front().hint, "systemctl edit pg.service: [Service] OOMPolicy=continue");
}

}  // namespace
}  // namespace pgkeel::app
