// `config show` in both forms.
#include <gmock/gmock.h>

#include "app/render.hpp"
#include "unit/app/config_text.hpp"

namespace pgkeel::app {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ConfigShow, NamesValueAndOrigin) {
  // Goal: every key is there with its value and source, passwords masked, idle keys marked (B13).
  ConfigDir dir;
  dir.write(
      "pgkeel.toml",
      "[instance]\nurl = \"postgresql://u:hunter2@h/db\"\n[gateway]\ncommit_proof = \"off\"\n");
  const auto loaded = dir.load();
  const auto text = render_settings(loaded, {});
  EXPECT_THAT(text, HasSubstr("pgkeel.toml:2"));
  EXPECT_THAT(
      text, testing::ContainsRegex("gateway.commit_proof +off +pgkeel.toml:4  .not in effect yet"));
  EXPECT_THAT(text, HasSubstr("(not set)"));
  EXPECT_THAT(text, Not(HasSubstr("hunter2")));
  const auto json = settings_json(loaded);
  EXPECT_THAT(to_line(json), Not(HasSubstr("hunter2")));
  EXPECT_EQ(json["file"], (dir.path() / "pgkeel.toml").string());
  EXPECT_EQ(json["settings"].size(), loaded.settings.size());
}

TEST(ConfigShow, ShowsOfASecretThatItIsThere) {
  // Goal: the application's password is masked in both forms, and no flag carries it (B5 B13).
  ConfigDir dir;
  dir.write("pgkeel.toml", "[application]\ndatabase = \"shop\"\npassword = \"hunter2\"\n");
  const auto loaded = dir.load();
  EXPECT_EQ(loaded.config.application.password, "hunter2");
  EXPECT_THAT(render_settings(loaded, {}), testing::ContainsRegex("application.password +[*]{3}"));
  EXPECT_THAT(render_settings(loaded, {}), Not(HasSubstr("hunter2")));
  EXPECT_THAT(to_line(settings_json(loaded)), Not(HasSubstr("hunter2")));
  dir.sources.flags = {{"application.password", "hunter2", "--set"}};
  const auto refused = dir.error();
  EXPECT_EQ(refused.code, ErrorCode::ConfigBadValue);
  EXPECT_THAT(std::string(refused.hint()), HasSubstr("PGKEEL_APPLICATION_PASSWORD"));
  EXPECT_THAT(refused.message(), Not(HasSubstr("hunter2")));
}

}  // namespace
}  // namespace pgkeel::app
