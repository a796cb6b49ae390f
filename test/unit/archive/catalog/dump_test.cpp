// The record of a run of dumps: both ways, damage is an error, and what is good.
#include "archive/catalog/dump.hpp"

#include <gmock/gmock.h>

namespace pgkeel::archive {
namespace {

constexpr const char* kDigest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

Dump sample() {
  Dump dump;
  dump.label = "20261121T030000Z";
  dump.system_id = SystemId(7'000'000'000'000'000'001);
  dump.server_version_num = 150'020;
  dump.client = "pg_dump (PostgreSQL) 15.14";
  dump.client_major = 15;
  dump.started_at = parse_iso8601("2026-11-21T03:00:00.000Z").value();
  dump.ended_at = parse_iso8601("2026-11-21T03:04:00.000Z").value();
  DumpedDatabase shop;
  shop.name = "shop";
  shop.locale = {"UTF8", "C.UTF-8", "C.UTF-8", "c", ""};
  shop.properties = {.owner = "seller",
                     .comment = "all of it",
                     .settings = {{"", "search_path", "\"$user\", public"}},
                     .rights_given = true,
                     .grants = {{"app", "CONNECT", true}}};
  shop.object = {dump_key(dump.label, 0) + ".zst", 10, 5, kDigest, kDigest};
  shop.entries = 12;
  shop.rows = {{"public.orders", 40}, {"public.lines", 2}};
  dump.databases = {shop};
  dump.globals = {globals_key(dump.label) + ".zst", 10, 5, kDigest, kDigest};
  dump.made_by = "pgkeel";
  return dump;
}

TEST(DumpRecord, GoesBothWays) {
  // Goal: with the store alone everything about a dump is known again (D11 A10).
  const auto read = parse_dump(to_json(sample()));
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(to_json(*read), to_json(sample()));
  EXPECT_TRUE(read->good());
  EXPECT_EQ(read->rows_total(), 42);
  EXPECT_EQ(read->stored_bytes(), 10U);
}

TEST(DumpRecord, OneFailureMakesItDoubted) {
  // Goal: what is not there, or doubted, is named; nothing incomplete is good (C3).
  auto doubted = sample();
  doubted.databases.front().failure = "it shrank";
  EXPECT_TRUE(doubted.complete());
  EXPECT_FALSE(doubted.good());
  EXPECT_EQ(doubted.failure(), "database shop: it shrank");
  auto vanished = sample();
  vanished.doubt = "database app is gone";
  EXPECT_FALSE(parse_dump(to_json(vanished))->good());
  EXPECT_EQ(vanished.failure(), "database app is gone");
  auto without = sample();
  without.databases.front().object = {};
  EXPECT_FALSE(without.complete());
  EXPECT_FALSE(Dump().good());
}

TEST(DumpRecord, DamageIsAnErrorAndANewerFormatIsRefused) {
  // Goal: no half-read dump, whatever is missing or cut off.
  const auto good = to_json(sample());
  for (std::size_t size = 0; size + 2 < good.size(); size += 7)
    EXPECT_FALSE(parse_dump(good.substr(0, size)));
  for (const char* field : {"label", "system_identifier", "databases", "globals", "rows"}) {
    auto damaged = good;
    damaged.replace(damaged.find(std::string("\"") + field), 2, "\"_");
    EXPECT_EQ(parse_dump(damaged).error().code, ErrorCode::Malformed) << field;
  }
  auto newer = good;
  newer.replace(newer.find("\"format\": 1"), 11, "\"format\": 9");
  EXPECT_EQ(parse_dump(newer).error().code, ErrorCode::Unsupported);
}

}  // namespace
}  // namespace pgkeel::archive
