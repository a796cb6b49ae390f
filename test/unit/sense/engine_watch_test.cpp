// Which of an engine's events are about the server.
#include "sense/engine_watch.hpp"

#include <gtest/gtest.h>

namespace pgkeel::sense {
namespace {

instance::HostingFacts facts() {
  instance::HostingFacts facts;
  facts.name = "pg";
  facts.exists = true;
  facts.container.id = "c0ffee";
  facts.container.mounts = {{"volume", "pgdata", "/vol", "/var/lib/postgresql/data", true}};
  return facts;
}

instance::EngineEvent event(std::string type, std::string id, std::string name) {
  return {std::move(type), "start", std::move(id), std::move(name), "", std::nullopt};
}

TEST(EngineWatch, KnowsTheServersContainerAndVolume) {
  // Goal: by id, by name, by volume; another's events are another's (D3).
  Hosted hosted;
  EXPECT_FALSE(concerns(hosted, event("container", "", "")));
  learn_hosted(facts(), hosted);
  EXPECT_TRUE(concerns(hosted, event("container", "c0ffee", "renamed")));
  EXPECT_TRUE(concerns(hosted, event("container", "another", "pg")));
  EXPECT_TRUE(concerns(hosted, event("volume", "", "pgdata")));
  EXPECT_FALSE(concerns(hosted, event("container", "another", "redis")));
  EXPECT_FALSE(concerns(hosted, event("volume", "", "cache")));
}

TEST(EngineWatch, RemembersAContainerThatIsGone) {
  // Goal: what happens to it after it was renamed or removed still concerns (D3).
  Hosted hosted;
  learn_hosted(facts(), hosted);
  instance::HostingFacts gone;
  gone.name = "pg";
  learn_hosted(gone, hosted);
  EXPECT_TRUE(concerns(hosted, event("container", "c0ffee", "shop-db-1")));
}

}  // namespace
}  // namespace pgkeel::sense
