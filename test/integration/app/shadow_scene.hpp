// A primary whose WAL is received, and its shadow as a process: where tests about the shadow begin.
#pragma once

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "integration/app/background.hpp"
#include "integration/app/binary.hpp"
#include "support/child.hpp"
#include "support/postgres_server.hpp"

namespace pgkeel::test {

namespace fs = std::filesystem;
using nlohmann::json;

inline constexpr Seconds kBuildPatience{120};

class ShadowScene : public testing::Test {
 protected:
  explicit ShadowScene(const PostgresOptions& options = {}) : server_(options) {}
  void SetUp() override {
    binary_.write("pgkeel.toml",
                  "state_dir = \"state\"\n[instance]\nkind = \"managed\"\n" +
                      fmt::format("data_dir = \"{}\"\n", server_.data_dir().string()) +
                      "[archive]\nstore = \"store\"\n[shadow]\nenabled = true\n");
    server_.query("create table orders (id int primary key, note text)");
    add_orders(1, 1000);
    receiver_.emplace(binary_, std::vector<std::string>{"receive"});
  }
  void TearDown() override {
    shadow_.reset();
    receiver_.reset();
  }
  void back_up() {
    const auto ran = binary_.run({"backup", "now"});
    ASSERT_EQ(ran.exit_code, 0) << ran.err << ran.out;
  }
  void start_shadow() { shadow_.emplace(binary_, std::vector<std::string>{"shadow"}); }
  void add_orders(int from, int to) {
    server_.query(
        fmt::format("insert into orders select i, 'x' from generate_series({}, {}) i", from, to));
  }
  json status() const {
    std::ifstream file(binary_.dir() / "state/shadow.json");
    return json::parse(file, nullptr, false);
  }
  bool becomes(std::string_view state) const {
    return wait_until(
        [&] {
          const auto now = status();
          return now.is_object() && now.value("state", "") == state;
        },
        kBuildPatience);
  }
  fs::path shadow_dir() const { return server_.data_dir().string() + ".pgkeel-shadow"; }
  fs::path socket_dir() const { return shadow_dir().string() + ".run/server"; }
  // What the shadow answers; empty while it does not.
  std::string ask(const std::string& sql, const std::string& database = "postgres") const {
    const auto file = server_.temp_dir() / "answer";
    fs::remove(file);
    try {
      run_child({"/usr/lib/postgresql/15/bin/psql", "-h", socket_dir().string(), "-p", "5432", "-U",
                 "postgres", "-d", database, "-Atqc", sql},
                file);
    } catch (const std::exception&) {
      return {};
    }
    std::ifstream in(file);
    std::string line;
    std::getline(in, line);
    return line;
  }
  bool shadow_has(int orders) const {
    return wait_until([&] { return ask("select count(*) from orders") == std::to_string(orders); },
                      kBuildPatience);
  }
  static std::set<std::pair<dev_t, ino_t>> files_below(const fs::path& directory) {
    std::set<std::pair<dev_t, ino_t>> files;
    for (const auto& entry : fs::recursive_directory_iterator(
             directory, fs::directory_options::follow_directory_symlink)) {
      struct stat of_entry{};
      if (::stat(entry.path().c_str(), &of_entry) == 0 && S_ISREG(of_entry.st_mode))
        files.emplace(of_entry.st_dev, of_entry.st_ino);
    }
    return files;
  }
  void expect_nothing_shared() const {
    const auto ours = files_below(server_.data_dir());
    for (const auto& file : files_below(shadow_dir())) EXPECT_FALSE(ours.contains(file));
  }
  // Names beside the shadow's directory that begin as its own does, without that.
  std::vector<std::string> beside_shadow() const {
    std::vector<std::string> names;
    const auto own = shadow_dir().filename().string();
    for (const auto& entry : fs::directory_iterator(shadow_dir().parent_path()))
      if (const auto name = entry.path().filename().string(); name.starts_with(own) && name != own)
        names.push_back(name.substr(own.size()));
    std::ranges::sort(names);
    return names;
  }
  fs::path make_place(std::string_view name) {
    const auto place = server_.temp_dir() / name;
    fs::create_directory(place);
    give_to_server(place);
    return place;
  }

  PostgresServer server_;
  Binary binary_;
  std::optional<Background> receiver_;
  std::optional<Background> shadow_;
};

}  // namespace pgkeel::test
