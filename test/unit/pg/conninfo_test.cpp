// Connection strings in both forms, and the promise that no secret leaves by an error or a log.
#include "pg/conninfo.hpp"

#include <gtest/gtest.h>

namespace pgkeel::pg {
namespace {

Conninfo parsed(std::string_view text) {
  auto info = parse_conninfo(text);
  if (info) return *std::move(info);
  ADD_FAILURE() << text << ": " << info.error().message();
  return {};
}

TEST(Conninfo, reads_a_uri) {
  // Goal: every part of the usual DATABASE_URL, percent-encoded where it must be.
  const auto info = parsed("postgresql://app:p%40ss%2Fw%3Ard@db.example:5433/shop?sslmode=require");
  EXPECT_EQ(info.host, "db.example");
  EXPECT_EQ(info.port, "5433");
  EXPECT_EQ(info.user, "app");
  EXPECT_EQ(info.password, "p@ss/w:rd");
  EXPECT_EQ(info.database, "shop");
  EXPECT_EQ(info.options.at("sslmode"), "require");
}

TEST(Conninfo, reads_keywords) {
  // Goal: blanks, quotes and backslashes as libpq takes them; the last of a repeated word wins.
  const auto info = parsed(R"(host = /run/pg  port=1 port='5432' dbname='my \'db' user=a\ b
                              password='it\\s' application_name='')");
  EXPECT_EQ(info.host, "/run/pg");
  EXPECT_EQ(info.port, "5432");
  EXPECT_EQ(info.database, "my 'db");
  EXPECT_EQ(info.user, "a b");
  EXPECT_EQ(info.password, "it\\s");
  EXPECT_EQ(info.options.at("application_name"), "");
}

TEST(Conninfo, reads_the_odd_uris_people_have) {
  // Goal: ORM schemes, socket directories, IPv6, defaults only, and a newline from a file.
  EXPECT_EQ(parsed("postgresql+asyncpg://u@h/d").host, "h");
  EXPECT_EQ(parsed("postgres://u@h/d\n").database, "d");
  EXPECT_EQ(parsed("postgresql:///d?host=/run/pg&port=5433").host, "/run/pg");
  EXPECT_EQ(parsed("postgresql://%2Frun%2Fpg/d").host, "/run/pg");
  const auto v6 = parsed("postgresql://u@[::1]:5433/d");
  EXPECT_EQ(v6.host, "::1");
  EXPECT_EQ(v6.port, "5433");
  EXPECT_EQ(parsed("postgresql://"), Conninfo{});
  EXPECT_EQ(parsed(""), Conninfo{});
  EXPECT_EQ(parsed("postgresql://h/d?ssl=true").options.at("sslmode"), "require");
}

TEST(Conninfo, keeps_several_hosts) {
  // Goal: B-row fail-over lists survive, with one port for all or one each.
  const std::vector<ConninfoHost> each{{"a", 1}, {"b", 0}, {"::1", 3}};
  EXPECT_EQ(parsed("postgresql://a:1,b,[::1]:3/d").hosts(), each);
  const std::vector<ConninfoHost> same{{"a", 5433}, {"b", 5433}};
  EXPECT_EQ(parsed("host=a,b port=5433").hosts(), same);
  const std::vector<ConninfoHost> address{{"10.0.0.1", 0}};
  EXPECT_EQ(parsed("hostaddr=10.0.0.1").hosts(), address);
  EXPECT_TRUE(parsed("dbname=d").hosts().empty());
}

TEST(Conninfo, drops_what_other_drivers_add_and_says_so) {
  // Goal: a Prisma or SQLAlchemy URL works; libpq would refuse it whole.
  const auto info = parsed("postgres://u@h/d?schema=public&connection_limit=5&zzz=1");
  EXPECT_EQ(info.ignored, (std::vector<std::string>{"schema", "connection_limit", "parameter 3"}));
  EXPECT_EQ(info.to_keyword_value().find("schema"), std::string::npos);
}

TEST(Conninfo, writes_what_reads_back_the_same) {
  // Goal: no character of any value is lost on the way to libpq.
  for (const auto* text :
       {"host=a,b port=1,2 user='o\\'brien' password='a b\\\\c' dbname='x=y' sslmode=disable",
        "postgresql://u:%20%27%5C%0A@%2Ftmp/d?options=-c%20search_path%3Dx"}) {
    const auto info = parsed(text);
    EXPECT_EQ(parsed(info.to_keyword_value()), info) << text;
  }
}

TEST(Conninfo, redacted_hides_every_secret) {
  // Goal: 12 of the safety rules: what goes to a log or a report has no secret in it.
  const auto info = parsed(
      "host=h user=u password=hunter2 sslpassword=hunter3 oauth_client_secret=hunter4 "
      "scram_client_key=hunter5 scram_server_key=hunter6 dbname=d");
  EXPECT_EQ(info.redacted().find("hunter"), std::string::npos) << info.redacted();
  EXPECT_NE(info.redacted().find("password='***'"), std::string::npos);
  EXPECT_NE(info.redacted().find("host='h'"), std::string::npos);
}

TEST(Conninfo, no_error_repeats_any_part_of_the_text) {
  // Goal: when quoting went wrong, what is left of a password does not end up in the message.
  for (const auto* text : {
           "host=h password=hunter two user=u",    // unquoted blank
           "host=h password=a hunter=b",           // the same, with a sign
           "password='hunter",                     // never closed
           "postgresql://u:pa/hunter@h/d",         // slash not encoded
           "postgresql://u:hunter%zz@h/d",         // bad percent
           "postgresql://u:x%00hunter@h/d",        // zero byte
           "postgresql://h/d?password=x&hunter",   // ampersand not encoded
           "postgresql://h/d?password=hunter=x",   // equals not encoded
           "postgresql://h:hunter/d",              // port
           "host=h port=hunter",                   //
           "hunter",                               // neither form
           "mysql://u:hunter@h/d",                 // another scheme
           "mysql://u:hunter@h/d?x=y",             //
           "postgresql://[hunter/d",               // bracket
           "postgresql://[::1]hunter/d",           //
           "host=a,b port=1,2,3 password=hunter",  //
       }) {
    const auto info = parse_conninfo(text);
    ASSERT_FALSE(info.has_value()) << text;
    EXPECT_EQ(info.error().code, ErrorCode::BadConninfo) << text;
    EXPECT_EQ(info.error().message().find("hunter"), std::string::npos) << info.error().message();
  }
}

TEST(Conninfo, an_unknown_parameter_that_may_be_a_secret_is_not_named) {
  // Goal: an '&' inside a password makes a parameter of its rest; its name must not be shown.
  const auto info = parsed("postgresql://h/d?password=x&hunter=2");
  EXPECT_EQ(info.ignored, std::vector<std::string>{"parameter 2"});
}

TEST(Conninfo, is_bounded) {
  // Goal: a flood is refused before it is read.
  EXPECT_FALSE(parse_conninfo("host=" + std::string(kConninfoBytesMax, 'x')).has_value());
  EXPECT_FALSE(parse_conninfo(std::string_view("host=a\0b", 8)).has_value());
}

}  // namespace
}  // namespace pgkeel::pg
