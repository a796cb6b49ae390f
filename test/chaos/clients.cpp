// See clients.hpp.
#include "chaos/clients.hpp"

namespace pgkeel::chaos {
namespace {

constexpr Seconds kLimit{30};
constexpr std::size_t kClientsMax = 40;  // more than the server has room for
constexpr int kRefusedInARow = 20;       // longer than any login of the guard takes
constexpr Millis kTurn{5};

}  // namespace

Client::Client(app::Stage& stage, const std::string& role, const std::string& application)
    : stage_(stage) {
  stage_.loop().run_until_complete(open(role, application));
}

// Whatever it waits for ends with its session; the coroutine must not outlive us.
Client::~Client() {
  if (!sent_ || answered_) return;
  static_cast<void>(ask(stage_, "select pg_terminate_backend(" + std::to_string(pid_) + ")"));
  const auto until = stage_.loop().after(kLimit);
  while (!answered_ && stage_.loop().now() < until)
    static_cast<void>(stage_.loop().run_until_complete(stage_.loop().sleep_for(kTurn)));
}

runtime::Task<void> Client::open(std::string role, std::string application) {
  auto conninfo = stage_.conninfo("shop");
  conninfo.user = std::move(role);
  client::ConnectOptions options;
  options.deadline = stage_.loop().after(kLimit);
  options.application_name = std::move(application);
  auto opened =
      co_await client::Connection::open(stage_.loop(), std::move(conninfo), std::move(options));
  if (opened) {
    session_.emplace(std::move(*opened));
    pid_ = session_->backend_pid();
  } else {
    refused_ = opened.error().sqlstate();
  }
}

runtime::Task<void> Client::execute(std::string sql) {
  const auto rows = co_await session_->execute(std::move(sql), stage_.loop().after(kPatience));
  answered_ = rows.has_value();
}

bool Client::run(const std::string& sql) {
  if (!session_) return false;
  answered_.reset();
  stage_.loop().run_until_complete(execute(sql));
  return *answered_;
}

void Client::send(const std::string& sql) {
  answered_.reset();
  sent_ = true;
  stage_.loop().spawn(execute(sql));
  static_cast<void>(ask(stage_, "select 1"));  // lets it go out
}

bool Client::lives() const {
  return ask(stage_, "select count(*) from pg_stat_activity where pid = " + std::to_string(pid_)) ==
         "1";
}

// The guard's own short logins are among those in use: whatever they leave is taken as well.
void use_up_connections(app::Stage& stage, Clients& clients, const std::string& role,
                        const std::string& application, const std::string& first) {
  int refused = 0;
  const auto full = [&] {
    auto client = std::make_unique<Client>(stage, role, application);
    if (client->refused() == "53300") return ++refused >= kRefusedInARow;
    EXPECT_EQ(client->refused(), "");
    if (!first.empty()) EXPECT_TRUE(client->run(first));
    refused = 0;
    clients.push_back(std::move(client));
    return clients.size() > kClientsMax;
  };
  ASSERT_TRUE(test::wait_until(full, kPatience));
  ASSERT_LE(clients.size(), kClientsMax) << "no login was refused";
}

Scene build_small_server(app::GuardEnvironment environment) {
  environment.insert(environment.end(), {{"PGKEEL_SENSE_LOGIN_EVERY", "500ms"},
                                         {"PGKEEL_SENSE_IN_DOUBT", "250ms"},
                                         {"PGKEEL_SENSE_IDLE_IN_TRANSACTION", "1s"}});
  auto scene = build_scene(std::move(environment));
  if (!scene.stage) return scene;
  for (const auto* change :
       {"alter system set max_connections = 30",
        // The guard, the writer's questions and the test go in while nobody else can.
        "alter system set superuser_reserved_connections = 6", "create role crowd login",
        "grant all on all tables in schema public to crowd"})
    EXPECT_TRUE(scene.stage->sql("shop", change)) << change;
  kill_server(*scene.stage);
  EXPECT_TRUE(await_healed(*scene.stage, "server_killed"));
  return scene;
}

std::string ask(app::Stage& stage, std::string query) {
  const auto rows = stage.sql("postgres", std::move(query));
  return rows && !rows->empty() ? std::string(rows->text(0, 0).value_or("")) : "";
}

}  // namespace pgkeel::chaos
