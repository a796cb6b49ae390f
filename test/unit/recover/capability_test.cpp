// The matrix of capabilities: whole, documented, and obeyed by what decides (D5 A8).
#include "recover/capability.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "recover/playbook.hpp"
#include "unit/recover/deciding.hpp"

namespace pgkeel::recover {
namespace {

using namespace pgkeel::test;
using diagnose::Cause;
using testing::HasSubstr;
using testing::IsEmpty;

sense::Observation remote_as_plain_role() {
  sense::Observation seen;
  seen.reach = {};
  seen.rights.seen = true;
  seen.rights.role = "app";
  return seen;
}

std::string why_not(std::string_view feature, const sense::Observation& seen) {
  const auto* found = lacking_for(feature, seen);
  return found == nullptr ? "" : std::string(found->clause);
}

TEST(Capabilities, HaveARowForEveryPlaybook) {
  // Goal: no remedy escapes the table, and no feature is there twice.
  std::set<std::string_view> names;
  for (const auto& feature : features()) {
    EXPECT_TRUE(names.insert(feature.name).second) << feature.name;
    EXPECT_FALSE(feature.sentence.empty());
    for (const auto need : feature.needs) EXPECT_EQ(need_info(need).need, need);
  }
  for (const auto* playbook : all_playbooks())
    EXPECT_TRUE(names.contains(playbook->name)) << playbook->name;
}

TEST(Capabilities, OfAServerHereAreAll) {
  // Goal: with every reach and a superuser nothing is missing; nor before rights were looked at.
  const auto seen = healthy().seen;
  for (const auto& feature : features()) EXPECT_EQ(lacking(feature, seen), nullptr);
  auto plain = seen;
  plain.rights.seen = true;
  EXPECT_EQ(why_not("restart_server", plain), "");
  EXPECT_EQ(why_not("create_database", plain), "needs CREATEDB");
  plain.rights.superuser = true;
  EXPECT_EQ(why_not("create_database", plain), "");
}

TEST(Capabilities, OfARemoteServerAreWhatTheRoleMayDo) {
  // Goal: nothing that needs a process or files; the rest by the role's rights, one clause each.
  auto seen = remote_as_plain_role();
  EXPECT_EQ(why_not("restart_server", seen), "needs to start the server");
  EXPECT_EQ(why_not("restore_configuration", seen), "needs the data directory");
  EXPECT_EQ(why_not("notice_death", seen), "needs the server's process");
  EXPECT_EQ(why_not("probe", seen), "");
  EXPECT_EQ(why_not("see_all_sessions", seen), "needs pg_read_all_stats");
  EXPECT_EQ(why_not("recreate_table", seen), "needs a member of the database's owner");
  seen.rights.owns_database = seen.rights.createdb = seen.rights.reads_stats = true;
  EXPECT_EQ(why_not("recreate_table", seen), "");
  EXPECT_EQ(why_not("recreate_database", seen), "");
  EXPECT_EQ(why_not("keep_definitions", seen), "");
  sense::Relation secret;
  secret.readable = false;
  seen.catalog.listings["shop"].relations = {secret};
  EXPECT_EQ(why_not("keep_definitions", seen), "needs SELECT on every table");
}

TEST(Capabilities, WhatCannotBeHadIsWaitedForAndNotTried) {
  // Goal: a remedy whose capability is missing runs nothing; the incident says why, once.
  VirtualGuard guard;
  Instance instance = healthy();
  instance.seen.rights.seen = true;
  instance.known.required_databases = {"fresh"};
  ASSERT_TRUE(sole<OpenIncident>(guard.turn(instance)));
  const auto decisions = guard.turn(instance);
  ASSERT_TRUE(sole<WaitForHuman>(decisions));
  EXPECT_THAT(sole<WaitForHuman>(decisions)->why, HasSubstr("lacks CREATEDB"));
  EXPECT_THAT(guard.turn(instance), IsEmpty());
  instance.seen.rights.createdb = true;
  ASSERT_TRUE(sole<RunPlaybook>(guard.turn(instance)));
}

TEST(Capabilities, AServerThatMayNotBeStartedIsNotStarted) {
  // Goal: without the right to start it, a dead server is a human's, and no budget is spent.
  VirtualGuard guard;
  Instance instance = killed();
  instance.seen.reach.can_start = false;
  guard.turn(instance);
  const auto decisions = guard.turn(instance);
  ASSERT_TRUE(sole<WaitForHuman>(decisions));
  EXPECT_THAT(sole<WaitForHuman>(decisions)->why, HasSubstr("may not start"));
  EXPECT_THAT(guard.state.starts, IsEmpty());
}

TEST(Capabilities, ReferenceIsCurrent) {
  // Goal: docs/reference/capabilities.md is what the table says; PGKEEL_UPDATE_DOCS=1 writes it.
  const std::filesystem::path file = "docs/reference/capabilities.md";
  if (std::getenv("PGKEEL_UPDATE_DOCS") != nullptr) std::ofstream(file) << capabilities_markdown();
  std::stringstream present;
  present << std::ifstream(file).rdbuf();
  EXPECT_EQ(present.str(), capabilities_markdown());
}

}  // namespace
}  // namespace pgkeel::recover
