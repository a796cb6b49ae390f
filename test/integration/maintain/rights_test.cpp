// Who may drop what, as a server has it and as a newcomer is told.
#include <gmock/gmock.h>

#include "integration/maintain/protected_server.hpp"
#include "maintain/rights.hpp"
#include "support/wait.hpp"

namespace pgkeel::test {
namespace {

using testing::HasSubstr;

class RightsTest : public ProtectedServer {
 protected:
  // A session that was closed is seen until its server process has ended.
  void only_sessions_named(const std::string& name) {
    ASSERT_TRUE(wait_until([&] { return verdicts().contains("(1 session: " + name + ")"); }))
        << verdicts();
  }
  std::string verdicts(const std::string& application = "") {
    maintain::Rights rights;
    rights.roles = run(maintain::look_at_roles(&access_)).value();
    rights.databases.push_back(run(maintain::look_at_rights(&access_, "shop")).value());
    std::string text;
    for (const auto& one : maintain::judge(rights, application))
      text += std::string(to_string(one.weight)) + ": " + one.text + " | " + one.helps + "\n";
    return text;
  }
};

TEST_P(RightsTest, SaysWhoCanDropWhat) {
  // Goal: C4: owner, member of the owner, owner of the schema, superuser, PUBLIC's right to create:
  // each in words, with what helps; a role that owns nothing is not named.
  server_->query(
      "create role reader login; create role boss login in role app;"
      "create role maker login createdb bypassrls; create role root2 superuser login");
  as("app")(
      "create schema s; create table a (id int); create table s.b (id int);"
      "grant truncate on a to maker");
  const auto app = as("app", "application_name=node");
  only_sessions_named("node");
  const auto text = verdicts();
  EXPECT_THAT(text, HasSubstr("danger: The role app, which your application logs in as (1 session: "
                              "node), can drop all 2 tables of shop: it owns them."));
  EXPECT_THAT(text, HasSubstr("role app, which your application logs in as (1 session: node), owns "
                              "database shop and can drop it"));
  EXPECT_THAT(text, HasSubstr("role boss (nobody is logged in as it now) can drop all 2 tables of "
                              "shop: it is, or is a member of, their owner (app)."));
  EXPECT_THAT(text, HasSubstr("role maker (nobody is logged in as it now) may create databases"));
  EXPECT_THAT(text, HasSubstr("NOBYPASSRLS"));
  EXPECT_THAT(text, HasSubstr("may empty 1 table of shop by TRUNCATE"));
  EXPECT_THAT(text, HasSubstr("role root2 (nobody is logged in as it now) is a superuser"));
  EXPECT_THAT(text, testing::Not(HasSubstr("reader")));
  EXPECT_EQ(text.find("Every role may create tables in schema public") != std::string::npos,
            GetParam() <= 14);
  EXPECT_THAT(verdicts("boss"), HasSubstr("danger: The role boss, which is configured as"));
}

TEST_P(RightsTest, NamesAnApplicationThatIsSuperuser) {
  // Goal: C4: the usual container, where the image's only user is the superuser.
  const auto app = as("postgres", "application_name=gunicorn");
  only_sessions_named("gunicorn");
  EXPECT_THAT(verdicts(),
              HasSubstr("danger: The role postgres, which your application logs in as "
                        "(1 session: gunicorn), is a superuser: it can drop everything"));
}

PGKEEL_FOR_EVERY_MAJOR(RightsTest);

}  // namespace
}  // namespace pgkeel::test
