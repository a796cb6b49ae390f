// The engine's client against engines that are absent, silent, rude or talking nonsense, over real
// sockets: each is named within the bound and nothing hangs.
#include "instance/engine.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "instance/anchor.hpp"
#include "instance/container_instance.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::instance {
namespace {

using runtime::HttpRequest;
using runtime::HttpResponse;
using testing::HasSubstr;

class EngineTest : public testing::Test {
 protected:
  template <class T>
  T run(runtime::Task<T> task) {
    return loop_.run_until_complete(std::move(task));
  }
  // Answers every request with the same words.
  void answer(int status, std::string body) {
    server_ = std::make_unique<runtime::HttpServer>(
        loop_, [status, body](HttpRequest) { return respond(status, body); });
    ASSERT_TRUE(server_->listen_unix(dir_ / "s", 0600).has_value());
  }
  static runtime::Task<HttpResponse> respond(int status, std::string body) {
    HttpResponse response;
    response.status = status;
    response.body = std::move(body);
    co_return response;
  }
  Result<ContainerFacts> inspect() {
    const Engine engine(loop_, dir_ / "s");
    return run(engine.inspect("pg"));
  }

  test::TempDir dir_;
  runtime::Loop loop_;
  std::unique_ptr<runtime::HttpServer> server_;
};

TEST_F(EngineTest, ThatIsAbsentIsNamed) {
  // Goal: no socket: engine_unreachable with the socket's path (D3).
  const auto facts = inspect();
  ASSERT_FALSE(facts.has_value());
  EXPECT_EQ(facts.error().code, ErrorCode::EngineUnreachable);
  EXPECT_THAT(facts.error().detail, HasSubstr((dir_ / "s").string()));
}

TEST_F(EngineTest, ThatHangsIsGivenUp) {
  // Goal: a socket that accepts and says nothing costs kEngineCallMax, no more.
  const runtime::Fd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, (dir_ / "s").c_str(), sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener.get(), 8), 0);
  const auto begun = loop_.now();
  const auto facts = inspect();
  ASSERT_FALSE(facts.has_value());
  EXPECT_EQ(facts.error().code, ErrorCode::EngineUnreachable);
  EXPECT_THAT(facts.error().detail, HasSubstr("gave no answer"));
  EXPECT_GE(loop_.now() - begun, kEngineCallMax);
}

TEST_F(EngineTest, ThatTalksNonsenseIsMalformed) {
  // Goal: an answer of another program is an error, not a container.
  answer(200, "<html>It works!</html>");
  const auto facts = inspect();
  ASSERT_FALSE(facts.has_value());
  EXPECT_EQ(facts.error().code, ErrorCode::Malformed);
}

TEST_F(EngineTest, ThatRefusesIsQuoted) {
  // Goal: its own words are in the message; an unknown container is NotFound.
  answer(500, R"({"message":"disk quota exceeded"})");
  auto facts = inspect();
  ASSERT_FALSE(facts.has_value());
  EXPECT_THAT(facts.error().detail, HasSubstr("disk quota exceeded"));
  server_.reset();
  answer(404, R"({"message":"no such container"})");
  facts = inspect();
  ASSERT_FALSE(facts.has_value());
  EXPECT_EQ(facts.error().code, ErrorCode::NotFound);
}

TEST_F(EngineTest, DataInTheContainersLayerIsRefused) {
  // Goal: a container without a mount over its data is not guarded: it goes with the container.
  answer(200, R"({"Id":"c0ffee","Name":"/pg","State":{"Running":true},"Mounts":[]})");
  ContainerInstance instance(loop_, {"pg", dir_ / "s", {}});
  const auto located = run(instance.locate());
  ASSERT_FALSE(located.has_value());
  EXPECT_EQ(located.error().code, ErrorCode::Refused);
  EXPECT_THAT(located.error().detail, HasSubstr("in its own layer"));
}

TEST_F(EngineTest, AServiceIsTheContainerOfItsPresentTask) {
  // Goal: D3: instance.container may be a Swarm service, as Dokploy runs databases: its containers
  // have other names each time, and the present one is found (A5). Scripted: no Swarm is here.
  std::string task = "first";
  server_ = std::make_unique<runtime::HttpServer>(loop_, [&task](HttpRequest request) {
    constexpr std::string_view kLabels = R"("Labels":{"com.docker.swarm.service.name":"shop-db"})";
    if (request.path.ends_with("/containers/json"))
      return respond(
          200, fmt::format(R"([{{"Id":"{}","State":"running","Created":1,{}}}])", task, kLabels));
    if (!request.path.ends_with("/containers/" + task + "/json"))
      return respond(404, R"({"message":"no such container"})");
    return respond(200, fmt::format(R"({{"Id":"{0}","Name":"/shop-db.1.{0}",
        "State":{{"Running":true}},"Config":{{{1}}},"Mounts":[{{"Type":"volume","Name":"v",
        "Source":"/vol","Destination":"/var/lib/postgresql/data","RW":true}}]}})",
                                    task, kLabels));
  });
  ASSERT_TRUE(server_->listen_unix(dir_ / "s", 0600).has_value());
  ContainerInstance instance(loop_, {"shop-db", dir_ / "s", {}});
  for (const auto* present : {"first", "second"}) {
    task = present;
    const auto hosting = run(instance.inspect_hosting());
    ASSERT_TRUE(hosting && hosting->exists);
    EXPECT_EQ(hosting->container.id, present);
    EXPECT_EQ(hosting->name, "shop-db");
  }
  EXPECT_EQ(instance.data_dir(), "/vol");
  ContainerInstance other(loop_, {"shop", dir_ / "s", {}});
  EXPECT_FALSE(run(other.inspect_hosting())->exists);
}

TEST_F(EngineTest, AStrangersContainerIsNoAnchor) {
  // Goal: a container that has the anchor's name but not its label is neither used nor removed.
  answer(200, R"({"Id":"c0ffee","Name":"/pgkeel-anchor-pg","Config":{"Labels":{}}})");
  const Engine engine(loop_, dir_ / "s");
  ContainerFacts container;
  container.name = "pg";
  container.mounts = {{"volume", "pgdata", "/vol", "/var/lib/postgresql/data", true}};
  EXPECT_EQ(run(keep_anchor(&engine, container)).error().code, ErrorCode::Refused);
  EXPECT_EQ(run(remove_anchor(&engine, container)).error().code, ErrorCode::Refused);
}

}  // namespace
}  // namespace pgkeel::instance
