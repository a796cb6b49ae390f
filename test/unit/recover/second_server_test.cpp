#include "recover/second_server.hpp"

#include <gtest/gtest.h>

#include "incident/store.hpp"
#include "recover/held_restarts.hpp"
#include "recover/unfence.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::recover {
namespace {

using instance::Restarter;

WallTime at(std::string_view text) { return parse_iso8601(text).value(); }

struct Kept {
  test::TempDir dir;
  std::unique_ptr<incident::Store> store = incident::Store::open(dir / "state").value();
  incident::Ledger ledger{*store};
};

TEST(SecondServers, AreCountedForAnHour) {
  // Goal: rule 6: what is ended twice in an hour is not ended a third time; an hour later it may
  // be, and so after the operator's resume; nonsense is no free hand (D14).
  Kept kept;
  EXPECT_EQ(second_servers_ended(kept.ledger, at("2026-11-21T03:00:00Z")), 0);
  ASSERT_TRUE(count_second_server(kept.ledger, at("2026-11-21T03:00:00Z")).has_value());
  ASSERT_TRUE(count_second_server(kept.ledger, at("2026-11-21T03:30:00Z")).has_value());
  EXPECT_EQ(second_servers_ended(kept.ledger, at("2026-11-21T03:59:59Z")), kSecondServersEndedMax);
  EXPECT_EQ(second_servers_ended(kept.ledger, at("2026-11-21T04:00:00Z")), 1);
  EXPECT_EQ(second_servers_ended(kept.ledger, at("2026-11-20T00:00:00Z")), 2) << "a clock set back";
  ASSERT_TRUE(count_second_server(kept.ledger, at("2026-11-21T05:00:00Z")).has_value());
  EXPECT_EQ(second_servers_ended(kept.ledger, at("2026-11-21T05:00:00Z")), 1);
  ASSERT_TRUE(kept.ledger.set_fact("second_servers_ended", "soon later").has_value());
  EXPECT_EQ(second_servers_ended(kept.ledger, at("2026-11-21T05:00:00Z")), 2);
  ASSERT_TRUE(forget_second_servers(kept.ledger).has_value());
  EXPECT_EQ(second_servers_ended(kept.ledger, at("2026-11-21T05:00:00Z")), 0);
}

TEST(SecondServers, AreRememberedAsTheyWereStarted) {
  // Goal: the policy with its retries is kept before it is changed, and a guard that comes upon its
  // own change keeps what was before it (D14 E6).
  Kept kept;
  const Restarter before{Restarter::Kind::Container, "c0ffee", "on-failure:3"};
  EXPECT_EQ(keep_second_restarter(kept.ledger, before), before);
  EXPECT_EQ(kept.ledger.fact("second_restarter"), "container c0ffee on-failure:3");
  EXPECT_EQ(keep_second_restarter(kept.ledger, instance::held(before)), before);
  const Restarter another{Restarter::Kind::Container, "beef", "no"};
  EXPECT_EQ(keep_second_restarter(kept.ledger, another), another);
}

TEST(Unfence, AcceptsOnlyAnotherCluster) {
  // Goal: X8: the known cluster is not accepted once more, which would forget what is known of it;
  // what cannot be told is not accepted.
  incident::Identity known;
  known.system_id = SystemId(1);
  incident::Identity other;
  other.system_id = SystemId(2);
  EXPECT_FALSE(to_accept(known, known));
  EXPECT_FALSE(to_accept(known, std::nullopt));
  EXPECT_FALSE(to_accept(std::nullopt, std::nullopt));
  ASSERT_TRUE(to_accept(known, other));
  EXPECT_EQ(to_accept(known, other)->system_id, SystemId(2));
  EXPECT_TRUE(to_accept(std::nullopt, known));
}

TEST(ReleaseWords, SayWhatBecameOfIt) {
  // Goal: set back, left as somebody set it meanwhile, or gone: told apart (rule 10).
  const Restarter kept{Restarter::Kind::Container, "c0ffee", "always"};
  const Restarter theirs{Restarter::Kind::Container, "c0ffee", "unless-stopped"};
  EXPECT_EQ(release_words(kept, kept), "set back: restart policy of container c0ffee: always");
  EXPECT_EQ(release_words(kept, theirs),
            "left as somebody set it meanwhile (restart policy of container c0ffee: "
            "unless-stopped; it was: always)");
  EXPECT_TRUE(release_words(kept, std::nullopt).starts_with("what was held is gone: "));
}

}  // namespace
}  // namespace pgkeel::recover
