// The engine's stream of events from engines that are slow, rude, endless or talking nonsense, over
// a real socket; and the call that changes a limit, as both engines want it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstring>

#include "instance/engine.hpp"
#include "support/temp_dir.hpp"
#include "support/wait.hpp"

namespace pgkeel::instance {
namespace {

using runtime::HttpRequest;
using runtime::HttpResponse;
using testing::HasSubstr;

constexpr std::string_view kHead = "HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n";
constexpr std::string_view kDie =
    R"({"Type":"container","Action":"die","Actor":{"ID":"c0ffee","Attributes":{"name":"pg"}}})";

// Accepts one connection and holds its end; the request is left unread.
class RawEngine {
 public:
  explicit RawEngine(const std::filesystem::path& socket)
      : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, socket.c_str(), sizeof address.sun_path - 1);
    const auto* name = reinterpret_cast<const sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), name, sizeof address), 0);
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
  }
  runtime::Task<void> accept_and_say(runtime::Loop* loop, std::string words) {
    static_cast<void>(co_await loop->wait_readable(listener_.get(), loop->after(test::kPatience)));
    peer_ = runtime::Fd(::accept(listener_.get(), nullptr, nullptr));
    say(words);
  }
  void say(std::string_view words) const {
    static_cast<void>(::send(peer_.get(), words.data(), words.size(), MSG_NOSIGNAL));
  }
  void hang_up() { peer_.reset(); }

 private:
  runtime::Fd listener_;
  runtime::Fd peer_;
};

class EngineEvents : public testing::Test {
 protected:
  template <class T>
  T run(runtime::Task<T> task) {
    return loop_.run_until_complete(std::move(task));
  }
  Result<EventStream> open(std::string words) {
    loop_.spawn(raw_.accept_and_say(&loop_, std::move(words)));
    return run(Engine(loop_, dir_ / "s").events(std::nullopt));
  }
  Result<EngineEvent> next(EventStream& stream, Millis patience = test::kPatience) {
    return run(stream.next(loop_.after(patience)));
  }

  test::TempDir dir_;
  runtime::Loop loop_;
  RawEngine raw_{dir_ / "s"};
};

TEST_F(EngineEvents, AreReadAsTheyCome) {
  // Goal: an event in pieces, a silence, another event, the end: each is what it is (D3).
  const std::string die(kDie);
  auto stream = open(std::string(kHead) + die.substr(0, 20));
  ASSERT_TRUE(stream.has_value());
  EXPECT_EQ(next(*stream, Millis(20)).error().code, ErrorCode::TimedOut);
  raw_.say(die.substr(20) + "\n" + die + "\r\n");
  EXPECT_EQ(next(*stream)->describe(), "container pg: die");
  EXPECT_EQ(next(*stream)->id, "c0ffee");
  raw_.hang_up();
  EXPECT_EQ(next(*stream).error().code, ErrorCode::EngineUnreachable);
}

TEST_F(EngineEvents, CutInChunksAreReadAllTheSame) {
  // Goal: a proxy that answers in chunks costs nothing but the lines between (D3).
  auto stream = open(std::string(kHead) + "5a\r\n" + std::string(kDie) + "\n\r\n");
  ASSERT_TRUE(stream.has_value());
  EXPECT_EQ(next(*stream)->action, "die");
}

TEST_F(EngineEvents, ThatAreNoneAreGivenUp) {
  // Goal: a stream of something else ends with a name (D3).
  std::string nonsense(kHead);
  for (int i = 0; i < 100; ++i) nonsense += "it works!\n";
  auto stream = open(nonsense);
  ASSERT_TRUE(stream.has_value());
  EXPECT_EQ(next(*stream).error().code, ErrorCode::Malformed);
}

TEST_F(EngineEvents, ThatNeverEndALineAreGivenUp) {
  // Goal: memory stays bounded whatever the engine sends (D3).
  auto stream = open(std::string(kHead));
  ASSERT_TRUE(stream.has_value());
  const std::string piece(16'384, 'x');
  auto code = ErrorCode::TimedOut;
  for (std::size_t sent = 0; code == ErrorCode::TimedOut && sent < 2 * runtime::kHttpLineBytesMax;
       sent += piece.size()) {
    raw_.say(piece);
    code = next(*stream, Millis(1)).error().code;
  }
  EXPECT_EQ(code, ErrorCode::EngineUnreachable);
}

TEST_F(EngineEvents, ARefusalIsQuoted) {
  // Goal: an engine without events is named with its own words (D3).
  const auto stream = open("HTTP/1.1 403 Forbidden\r\n\r\n");
  ASSERT_FALSE(stream.has_value());
  EXPECT_EQ(stream.error().code, ErrorCode::EngineUnreachable);
  EXPECT_THAT(stream.error().detail, HasSubstr("403 Forbidden"));
}

class UpdateMemory : public testing::Test {
 protected:
  // Answers as Docker does, or as Podman 4, which has the call under its own path only.
  runtime::Task<HttpResponse> answer(HttpRequest request) {
    asked_.push_back(request.path + " " + request.body);
    HttpResponse response;
    const bool own_path = request.path.contains("/libpod/");
    if (own_path != podman_) response.status = 404;
    co_return response;
  }
  Result<void> update() {
    runtime::HttpServer server(loop_,
                               [this](HttpRequest request) { return answer(std::move(request)); });
    EXPECT_TRUE(server.listen_unix(dir_ / "s", 0600).has_value());
    const Engine engine(loop_, dir_ / "s");
    return loop_.run_until_complete(engine.update_memory("pg", {1024, 2048}));
  }

  test::TempDir dir_;
  runtime::Loop loop_;
  bool podman_ = false;
  std::vector<std::string> asked_;
};

TEST_F(UpdateMemory, SpeaksDockersWordsAndPodmans) {
  // Goal: the limit reaches either engine in the shape it wants (D3).
  EXPECT_TRUE(update().has_value());
  EXPECT_THAT(asked_, testing::ElementsAre(
                          R"(/v1.40/containers/pg/update {"Memory":1024,"MemorySwap":2048})"));
  podman_ = true;
  EXPECT_TRUE(update().has_value());
  EXPECT_EQ(asked_.back(),
            "/v4.0.0/libpod/containers/pg/update "
            R"({"memory":{"limit":1024,"swap":2048}})");
}

}  // namespace
}  // namespace pgkeel::instance
