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
  dir.write("pgkeel.toml",
            "[instance]\nurl = \"postgresql://u:hunter2@h/db\"\n[gateway]\nsize = 5\n");
  const auto loaded = dir.load();
  const auto text = render_settings(loaded, {});
  EXPECT_THAT(text, HasSubstr("pgkeel.toml:2"));
  EXPECT_THAT(text, testing::ContainsRegex("gateway.size +5 +pgkeel.toml:4  .not in effect yet"));
  EXPECT_THAT(text, HasSubstr("(not set)"));
  EXPECT_THAT(text, Not(HasSubstr("hunter2")));
  const auto json = settings_json(loaded);
  EXPECT_THAT(to_line(json), Not(HasSubstr("hunter2")));
  EXPECT_EQ(json["file"], (dir.path() / "pgkeel.toml").string());
  EXPECT_EQ(json["settings"].size(), loaded.settings.size());
}

}  // namespace
}  // namespace pgkeel::app
