// A shadow that follows, and what its gate says: where tests about what it is kept from begin.
#pragma once

#include "base/strong.hpp"
#include "integration/app/shadow_scene.hpp"

namespace pgkeel::test {

class GateScene : public ShadowScene {
 protected:
  explicit GateScene(const PostgresOptions& options = {}) : ShadowScene(options) {}
  void SetUp() override {
    ShadowScene::SetUp();
    ASSERT_NO_FATAL_FAILURE(back_up());
    begin("30min");
  }
  // Lines more for [archive] and [shadow].
  void configure(std::string_view hold, std::string_view archive = "",
                 std::string_view shadow = "") {
    binary_.write("pgkeel.toml",
                  "state_dir = \"state\"\n[instance]\nkind = \"managed\"\n" +
                      fmt::format("data_dir = \"{}\"\nbin_dir = \"{}\"\n",
                                  server_.data_dir().string(), server_.bin_dir().string()) +
                      fmt::format("[archive]\nstore = \"store\"\n{}[shadow]\nenabled = true\n"
                                  "hold = \"{}\"\n{}",
                                  archive, hold, shadow));
  }
  // With another time to hold, from a stop of the shadow on.
  void begin(std::string_view hold, std::string_view more = "") {
    shadow_.reset();
    configure(hold, "", more);
    start_shadow();
    ASSERT_TRUE(becomes("following")) << status().dump(2);
    ASSERT_TRUE(has_all()) << status().dump(2);
  }
  json gate() const {
    std::ifstream file(binary_.dir() / "state/gate.json");
    return json::parse(file, nullptr, false);
  }
  // The entries of what was destroyed, as they were judged.
  std::vector<json> entries() const {
    std::vector<json> found;
    const auto now = gate();
    if (!now.is_object()) return found;
    for (const auto& entry : now["holds"])
      if (entry["destroyed"].is_object()) found.push_back(entry);
    return found;
  }
  std::vector<std::string> lost() const {
    std::vector<std::string> names;
    for (const auto& entry : entries()) {
      const auto& destroyed = entry["destroyed"];
      if (destroyed["whole"] == true) names.push_back(destroyed["database"]);
      for (const auto& relation : destroyed["relations"])
        names.push_back(fmt::format("{} {} {}", relation["name"].get<std::string>(),
                                    relation["what"].get<std::string>(),
                                    entry["end"].get<std::string>()));
    }
    return names;
  }
  bool is_lost(const std::string& words) const {
    return wait_until(
        [&] {
          const auto names = lost();
          return std::ranges::find(names, words) != names.end();
        },
        Seconds(20));
  }
  // Everything that was committed so far.
  bool has_all(Seconds patience = Seconds(30)) const {
    const auto end = server_.query("select pg_current_wal_flush_lsn()");
    return wait_until(
        [&] { return ask("select pg_last_wal_replay_lsn() >= '" + end + "'") == "t"; }, patience);
  }
};

}  // namespace pgkeel::test
