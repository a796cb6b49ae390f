// What starts a server besides the guard, over real sockets: an engine that does as it is told, one
// that says yes and does nothing, one that cannot, and a Swarm; and systemd, with a program in
// systemctl's place.
#include "instance/restarter.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "instance/container_instance.hpp"
#include "instance/systemd_unit.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::instance {
namespace {

using runtime::HttpRequest;
using runtime::HttpResponse;
using testing::ElementsAre;
using testing::HasSubstr;
using Json = nlohmann::json;

// As much of an engine as is asked here: one container, or the task of one service.
struct ScriptedEngine {
  enum class Manner { Obeys, SaysYesOnly, CannotUpdate } manner = Manner::Obeys;
  Json policy = {{"Name", "on-failure"}, {"MaximumRetryCount", 3}};
  Json labels = Json::object();
  Json service;         ///< null: there is none
  bool worker = false;  ///< of a Swarm, which others manage
  std::vector<std::string> asked{};

  [[nodiscard]] HttpResponse answer(const HttpRequest& request) {
    if (request.method == "POST") asked.push_back(request.path);
    if (request.path.ends_with("/containers/pg/update") ||
        request.path.ends_with("/containers/c0ffee/update"))
      return update_container(request);
    if (request.path.ends_with("/containers/pg/json") ||
        request.path.ends_with("/containers/c0ffee/json"))
      return says({{"Id", "c0ffee"},
                   {"Name", "/pg"},
                   {"Config", {{"Labels", labels}}},
                   {"HostConfig", {{"RestartPolicy", policy}}}});
    if (request.path.contains("/services/") && worker)
      return says({{"message", "This node is not a swarm manager."}}, 503);
    if (request.path.ends_with("/services/shop-db") && !service.is_null()) return says(service);
    if (request.path.ends_with("/services/s1/update")) return update_service(request);
    return says({{"message", "page not found"}}, 404);
  }

 private:
  static HttpResponse says(const Json& json, int status = 200) {
    HttpResponse response;
    response.status = status;
    response.body = json.dump();
    return response;
  }
  HttpResponse update_container(const HttpRequest& request) {
    if (manner == Manner::CannotUpdate) return says({{"message", "Not Found"}}, 404);
    if (manner == Manner::Obeys) policy = Json::parse(request.body)["RestartPolicy"];
    return says({{"Warnings", Json::array()}});
  }
  HttpResponse update_service(const HttpRequest& request) {
    if (request.query.at("version") != service["Version"]["Index"].dump())
      return says({{"message", "rpc error: update out of sequence"}}, 500);
    if (manner == Manner::Obeys) service["Spec"] = Json::parse(request.body);
    service["Version"]["Index"] = service["Version"]["Index"].get<int>() + 1;
    return says({{"Warnings", nullptr}});
  }
};

class RestarterTest : public testing::Test {
 protected:
  void SetUp() override {
    server_ = std::make_unique<runtime::HttpServer>(
        loop_, [this](HttpRequest request) { return respond(std::move(request)); });
    ASSERT_TRUE(server_->listen_unix(dir_ / "s", 0600).has_value());
  }
  runtime::Task<HttpResponse> respond(HttpRequest request) { co_return engine_.answer(request); }
  template <class T>
  T run(runtime::Task<T> task) {
    return loop_.run_until_complete(std::move(task));
  }
  void make_service(const Json& mode) {
    engine_.labels = {{"com.docker.swarm.service.name", "shop-db"}};
    engine_.service = {
        {"ID", "s1"},
        {"Version", {{"Index", 17}}},
        {"Spec", {{"Name", "shop-db"}, {"Mode", mode}, {"TaskTemplate", {{"ForceUpdate", 0}}}}}};
  }

  test::TempDir dir_;
  runtime::Loop loop_;
  ScriptedEngine engine_;
  std::unique_ptr<runtime::HttpServer> server_;
  ContainerInstance instance_{loop_, {"pg", dir_ / "s", {}}};
};

TEST_F(RestarterTest, APolicyIsSetAndSetBack) {
  // Goal: rule 10: policy and its count are known, off, and back as they were; what is so already
  // is not asked for.
  const auto before = run(instance_.restarter());
  ASSERT_TRUE(before.has_value()) << before.error().message();
  EXPECT_EQ(to_text(*before), "container c0ffee on-failure:3");
  ASSERT_TRUE(run(instance_.set_restarter(held(*before))).has_value());
  EXPECT_EQ(engine_.policy["Name"], "no");
  EXPECT_TRUE(starts_nothing(*run(instance_.restarter())));
  ASSERT_TRUE(run(instance_.set_restarter(held(*before))).has_value());
  EXPECT_EQ(engine_.asked.size(), 1U);
  ASSERT_TRUE(run(instance_.set_restarter(*before)).has_value());
  EXPECT_EQ(engine_.policy, Json({{"Name", "on-failure"}, {"MaximumRetryCount", 3}}));
}

TEST_F(RestarterTest, AnEngineThatSaysYesAndDoesNothingIsNoticed) {
  // Goal: issue 6, bad input: the answer is not believed; what is still so is said.
  engine_.manner = ScriptedEngine::Manner::SaysYesOnly;
  const auto before = *run(instance_.restarter());
  const auto done = run(instance_.set_restarter(held(before)));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::Refused);
  EXPECT_THAT(done.error().detail, HasSubstr("on-failure:3"));
}

TEST_F(RestarterTest, AnEngineThatCannotSaysSo) {
  // Goal: Podman before 5.1 has no such call: told from a container that is not there.
  engine_.manner = ScriptedEngine::Manner::CannotUpdate;
  const auto before = *run(instance_.restarter());
  EXPECT_EQ(run(instance_.set_restarter(held(before))).error().code, ErrorCode::NotSupported);
  const Restarter gone{Restarter::Kind::Container, "another", "no"};
  EXPECT_EQ(run(instance_.set_restarter(gone)).error().code, ErrorCode::NotFound);
}

TEST_F(RestarterTest, AServiceIsScaledToNothingAndBack) {
  // Goal: a Swarm makes another task when one ends: the service is scaled, by its version, and the
  // rest of what it is stays (C2, rule 10).
  make_service({{"Replicated", {{"Replicas", 1}}}});
  const auto before = run(instance_.restarter());
  ASSERT_TRUE(before.has_value()) << before.error().message();
  EXPECT_EQ(to_text(*before), "service shop-db 1");
  ASSERT_TRUE(run(instance_.set_restarter(held(*before))).has_value());
  EXPECT_EQ(engine_.service["Spec"]["Mode"]["Replicated"]["Replicas"], 0);
  EXPECT_EQ(engine_.service["Spec"]["TaskTemplate"], Json({{"ForceUpdate", 0}}));
  EXPECT_EQ(engine_.service["Spec"]["Name"], "shop-db");
  ASSERT_TRUE(run(instance_.set_restarter(*before)).has_value());
  EXPECT_EQ(engine_.service["Spec"]["Mode"]["Replicated"]["Replicas"], 1);
  EXPECT_EQ(engine_.service["Version"]["Index"], 19);
}

TEST_F(RestarterTest, AServiceThatIsNotScaledIsNoticed) {
  // Goal: as for a container: yes is not enough.
  make_service({{"Replicated", {{"Replicas", 2}}}});
  engine_.manner = ScriptedEngine::Manner::SaysYesOnly;
  const auto before = *run(instance_.restarter());
  const auto done = run(instance_.set_restarter(held(before)));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::Refused);
  EXPECT_THAT(done.error().detail, HasSubstr("2 tasks"));
}

TEST_F(RestarterTest, AServiceOnEveryNodeCannotBeScaled) {
  // Goal: a global service has no number to set: said, nothing is sent.
  make_service({{"Global", Json::object()}});
  EXPECT_EQ(run(instance_.restarter()).error().code, ErrorCode::NotSupported);
  EXPECT_THAT(engine_.asked, testing::IsEmpty());
}

TEST_F(RestarterTest, ANodeThatOnlyWorksCannotHoldAService) {
  // Goal: 503 is a worker's answer: told as what cannot be done there, so that the fence in the
  // data holds alone (rule 10).
  make_service({{"Replicated", {{"Replicas", 1}}}});
  engine_.worker = true;
  const auto now = run(instance_.restarter());
  ASSERT_FALSE(now.has_value());
  EXPECT_EQ(now.error().code, ErrorCode::NotSupported);
  EXPECT_THAT(now.error().detail, HasSubstr("not a swarm manager"));
}

TEST_F(RestarterTest, OfASecondServerATaskIsNotHeld) {
  // Goal: a container's policy is known with its retries; the task of a service is refused: killed
  // it is made again, and scaled down it would write a checkpoint (D14).
  const SecondServer second{"c0ffee", "twin", 0, 0, "", ""};
  const auto now = run(instance_.second_restarter(second));
  ASSERT_TRUE(now.has_value());
  EXPECT_EQ(to_text(*now), "container c0ffee on-failure:3");
  make_service({{"Replicated", {{"Replicas", 1}}}});
  for (const auto code : {run(instance_.second_restarter(second)).error().code,
                          run(instance_.hold_second(second)).error().code})
    EXPECT_EQ(code, ErrorCode::Refused);
  EXPECT_THAT(engine_.asked, testing::IsEmpty());
}

TEST(Restarters, AreKeptAsALineOfText) {
  // Goal: what the ledger keeps is read back as it was; nonsense is nothing.
  using enum Restarter::Kind;
  for (const auto& one :
       {Restarter{Container, "c0ffee", "on-failure:3"}, Restarter{Service, "shop-db", "2"},
        Restarter{Unit, "postgresql@15-main", "startable"}}) {
    EXPECT_EQ(parse_restarter(to_text(one)), one);
    EXPECT_FALSE(starts_nothing(one));
    EXPECT_TRUE(starts_nothing(held(one)));
  }
  EXPECT_EQ(to_text({}), "");
  for (const auto* text : {"", "container", "container c0ffee", "boat c0ffee no"})
    EXPECT_FALSE(parse_restarter(text)) << text;
}

// Masking makes a file, which `show` looks for; "stubborn" keeps it from being made.
class UnitRestarter : public testing::Test {
 protected:
  void SetUp() override {
    const auto program = temp_ / "systemctl";
    std::ofstream(program)
        << "#!/bin/sh\ncd '" << temp_.path().string()
        << "'\necho \"$*\" >> asked\ncase $1 in\n"
           "mask) [ -e stubborn ] || touch masked;;\nunmask) rm -f masked;;\n"
           "show) if [ -e masked ]; then echo LoadState=masked; else echo LoadState=loaded; fi;;\n"
           "esac\n";
    ASSERT_EQ(::chmod(program.c_str(), 0755), 0);
    ::setenv("PATH", (temp_.path().string() + ":" + path_).c_str(), 1);
  }
  void TearDown() override { ::setenv("PATH", path_.c_str(), 1); }

  runtime::Loop loop_;
  test::TempDir temp_;
  std::string path_ = std::getenv("PATH");
};

TEST_F(UnitRestarter, IsMaskedUntilTheNextBootAndUnmasked) {
  // Goal: D3: systemd does not start the unit again, and does once that is taken back.
  const auto before = *loop_.run_until_complete(unit_restarter(&loop_, "postgresql@15-main"));
  EXPECT_EQ(to_text(before), "unit postgresql@15-main startable");
  ASSERT_TRUE(loop_.run_until_complete(set_unit_restarter(&loop_, held(before))).has_value());
  const auto masked = *loop_.run_until_complete(unit_restarter(&loop_, "postgresql@15-main"));
  EXPECT_EQ(masked, held(before));
  ASSERT_TRUE(loop_.run_until_complete(set_unit_restarter(&loop_, before)).has_value());
  std::ifstream asked(temp_ / "asked");
  std::vector<std::string> lines;
  for (std::string line; std::getline(asked, line);)
    if (!line.starts_with("show")) lines.push_back(line);
  EXPECT_THAT(lines, ElementsAre("mask --runtime postgresql@15-main",
                                 "unmask --runtime postgresql@15-main"));
}

TEST_F(UnitRestarter, AMaskThatDoesNotHoldIsNoticed) {
  // Goal: a unit file in /etc is stronger than a mask of this boot, and systemctl says nothing.
  std::ofstream(temp_ / "stubborn") << "";
  const Restarter wanted{Restarter::Kind::Unit, "postgresql@15-main", std::string(kUnitMasked)};
  const auto done = loop_.run_until_complete(set_unit_restarter(&loop_, wanted));
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::Refused);
}

}  // namespace
}  // namespace pgkeel::instance
