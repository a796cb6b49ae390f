// The container for client programs against an engine that is a stand-in: in which order things
// are done while the container of a killed job still runs.
#include "archive/programs/image_programs.hpp"

#include <gmock/gmock.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <nlohmann/json.hpp>

#include "archive/programs/pipes.hpp"
#include "runtime/http.hpp"
#include "runtime/loop.hpp"
#include "support/temp_dir.hpp"

namespace pgkeel::archive {
namespace {

namespace fs = std::filesystem;
using runtime::HttpRequest;
using runtime::HttpResponse;
using runtime::Task;

/// Knows one container, which works for a directory as long as it runs: up to its end it begins
/// its own work there and, last of all, empties it. It makes no new one.
class EngineWithAnEarlierOne {
 public:
  EngineWithAnEarlierOne(const fs::path& socket, fs::path work)
      : work_(std::move(work)),
        server_(loop_, [this](HttpRequest request) { return answer(std::move(request)); }),
        listens_(server_.listen_unix(socket, 0600).has_value()),
        thread_([this](const std::stop_token& stop) { serve(stop); }) {}

  [[nodiscard]] bool listens() const { return listens_; }
  /// To be asked when nobody talks to it any more.
  [[nodiscard]] bool was_complete_at_create() const { return complete_at_create_; }
  [[nodiscard]] bool had_begun_at_create() const { return begun_at_create_; }

 private:
  void serve(const std::stop_token& stop) {
    while (!stop.stop_requested()) static_cast<void>(loop_.run_until_complete(pause(&loop_)));
  }
  static Task<Result<void>> pause(runtime::Loop* loop) {
    auto slept = co_await loop->sleep_for(Millis(20));
    co_return slept;
  }

  Task<HttpResponse> answer(HttpRequest request) {
    HttpResponse response;
    if (request.path.ends_with("/json")) inspect(response);
    else if (request.path.ends_with("/stop")) stop(response);
    else if (request.path.ends_with("/create")) create(response);
    else response.status = 204;
    co_return response;
  }
  void inspect(HttpResponse& response) {
    if (runs_) std::ofstream(work_ / kBegunFile) << "";
    response.status = runs_ ? 200 : 404;
    const nlohmann::json facts = {
        {"Id", "c0ffee"},
        {"Name", "/earlier"},
        {"State", {{"Running", true}}},
        {"Config", {{"Labels", {{"io.pgkeel.programs", work_.string()}}}}}};
    response.body = facts.dump();
  }
  void stop(HttpResponse& response) {
    runs_ = false;
    for (const auto& entry : fs::directory_iterator(work_)) fs::remove_all(entry.path());
    std::ofstream(work_ / kBegunFile) << "";
    response.status = 404;  // it ended by itself in this moment
  }
  void create(HttpResponse& response) {
    complete_at_create_ = fs::exists(work_ / kServeScript) && fs::exists(work_ / kRunScript) &&
                          fs::is_fifo(work_ / kOrdersPipe);
    begun_at_create_ = fs::exists(work_ / kBegunFile);
    response.status = 500;
    response.body = R"({"message":"no more containers"})";
  }

  fs::path work_;
  bool runs_ = true;
  std::atomic<bool> complete_at_create_ = false;
  std::atomic<bool> begun_at_create_ = false;
  runtime::Loop loop_;
  runtime::HttpServer server_;
  bool listens_;
  std::jthread thread_;
};

TEST(ImagePrograms, BeginWhenAnEarlierOneIsGone) {
  // Goal: a killed job's container that ends late takes no file of the new one, and nothing it
  // wrote is taken for the new one's (A10 D11 X8).
  const test::TempDir dir;
  const auto work = dir.path() / "work";
  fs::create_directory(work);
  const EngineWithAnEarlierOne engine(dir.path() / "s", work);
  ASSERT_TRUE(engine.listens());
  ImageProgramsPlan plan;
  plan.image.engine_socket = dir.path() / "s";
  plan.image.image = "postgres:15";
  plan.work_dir = work;
  const auto started = ImagePrograms::start(std::move(plan));
  ASSERT_FALSE(started.has_value());
  EXPECT_THAT(started.error().message(), testing::HasSubstr("no more containers"));
  EXPECT_TRUE(engine.was_complete_at_create());
  EXPECT_FALSE(engine.had_begun_at_create());
}

}  // namespace
}  // namespace pgkeel::archive
