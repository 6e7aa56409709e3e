#pragma once

#include <cmath>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "verb_results.hpp"

namespace serried::app {

using Json = nlohmann::ordered_json;

/// Turns numbers into JSON and counts those that JSON cannot hold.
class Numbers {
 public:
  Json operator()(double value) {
    if (std::isfinite(value)) return value;
    ++nonfinite_;
    return nullptr;
  }
  [[nodiscard]] std::int64_t nonfinite() const { return nonfinite_; }

 private:
  std::int64_t nonfinite_ = 0;
};

inline std::string finished(Json& json, const Seconds& seconds) {
  Json object = Json::object();
  for (const auto& [name, value] : seconds) object[name] = value;
  json["seconds"] = std::move(object);
  // Names and attributes of files need not be UTF-8.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace serried::app
