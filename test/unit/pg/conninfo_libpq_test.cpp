// Our reading of connection strings against libpq's own: what both accept must mean the same.
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <map>
#include <memory>

#include "pg/conninfo.hpp"

namespace pgkeel::pg {
namespace {

using Values = std::map<std::string, std::string>;

/// What libpq reads; nullopt when it refuses.
std::optional<Values> by_libpq(const std::string& text) {
  char* complaint = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(text.c_str(), &complaint), &PQconninfoFree);
  PQfreemem(complaint);
  if (!options) return std::nullopt;
  Values values;
  for (const auto* option = options.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr && *option->val != '\0') values[option->keyword] = option->val;
  return values;
}

Values by_us(const Conninfo& info) {
  Values values = {{"host", info.host},
                   {"port", info.port},
                   {"user", info.user},
                   {"password", info.password},
                   {"dbname", info.database}};
  values.insert(info.options.begin(), info.options.end());
  std::erase_if(values, [](const auto& entry) { return entry.second.empty(); });
  return values;
}

constexpr const char* kAccepted[] = {
    "",
    "host=h",
    "host = 'a b'  port=1 user=\tu",
    R"(password='it\'s \\ here' dbname=a\ b)",
    "port=1 port=2",
    "host=a,b,c port=1,2,3",
    "host=a,b port=5433 target_session_attrs=read-write",
    "options='-c search_path=x' application_name=''",
    "host=h password=",
    "postgresql://",
    "postgres://h",
    "postgresql:///d",
    "postgresql://u@/d",
    "postgresql://u:@h/d",
    "postgresql://u:p@h:1/d",
    "postgresql://u%20x:p%40%2F%3A@h/d%20d",
    "postgresql://[::1]:5433/d",
    "postgresql://h1:1,h2,[fe80::1]:3/d",
    "postgresql://%2Frun%2Fpg/d",
    "postgresql:///d?host=/run/pg&port=5433",
    "postgresql://h/d?",
    "postgresql://h?dbname=x",
    "postgresql://h/d?ssl=true&connect_timeout=10",
    "postgresql://h/d?application_name=a%26b",
};

TEST(ConninfoLibpq, both_read_the_same) {
  // Goal: a string means to the guard what it means to every libpq program beside it.
  for (const auto* text : kAccepted) {
    const auto info = parse_conninfo(text);
    ASSERT_TRUE(info.has_value()) << text << ": " << info.error().message();
    const auto reference = by_libpq(text);
    ASSERT_TRUE(reference.has_value()) << text;
    EXPECT_EQ(by_us(*info), *reference) << text;
  }
}

TEST(ConninfoLibpq, libpq_reads_back_what_we_write) {
  // Goal: to_keyword_value() carries every value through libpq unchanged.
  for (const auto* text : kAccepted) {
    const auto info = parse_conninfo(text);
    ASSERT_TRUE(info.has_value()) << text;
    EXPECT_EQ(by_libpq(info->to_keyword_value()), by_us(*info)) << text;
  }
}

TEST(ConninfoLibpq, what_libpq_cannot_read_we_refuse) {
  // Goal: a broken string fails here, with our words, and not later in the client.
  for (const auto* text : {"host", "host=h user", "password='x", "nonsense=1",
                           "postgresql://[::1/d", "postgresql://[]/d", "postgresql://[::1]x/d",
                           "postgresql://u%4@h/d", "postgresql://u%zz@h/d", "postgresql://u%00@h/d",
                           "postgresql://h/d?a", "postgresql://h/d?port=1=2"}) {
    EXPECT_FALSE(parse_conninfo(text).has_value()) << text;
    EXPECT_FALSE(by_libpq(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace pgkeel::pg
