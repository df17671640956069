// /openapi.json and /docs. The page is plain HTML made here: it works offline and needs no script.
#include <memory>
#include <string>

#include <fmt/format.h>

#include "datalake/server/handlers/handlers.h"
#include "datalake/server/openapi.h"

namespace datalake::server {
namespace {

constexpr std::string_view kStyle =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;"
    "color:#1a1a1a;background:#fff}h2{margin-top:2rem;border-bottom:1px solid #ccc}"
    "code{background:#f2f2f2;padding:.1rem .3rem;border-radius:.2rem}"
    "section{margin:1rem 0}.m{font-weight:700;display:inline-block;min-width:4.5rem}"
    "pre{background:#f2f2f2;padding:.6rem;overflow:auto}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#161616}"
    "code,pre{background:#2a2a2a}h2{border-color:#444}a{color:#8cb4ff}}";

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string DocumentationPage(const Router& router, std::string_view version) {
  std::string page = fmt::format(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>datalake API</title>"
      "<meta name=\"viewport\" content=\"width=device-width\"><style>{}</style></head><body>"
      "<h1>datalake API</h1><p>Version {}. The same as a machine reads it: "
      "<a href=\"/openapi.json\">openapi.json</a>.</p>",
      kStyle, version);
  std::string_view tag;
  for (const Route& route : router.routes()) {
    if (route.tag != tag) {
      tag = route.tag;
      page += fmt::format("<h2>{}</h2>", EscapeHtml(tag));
    }
    page += fmt::format(
        "<section><div><span class=\"m\">{}</span><code>{}</code></div><p>{}. {}</p><ul>",
        route.method, EscapeHtml(route.path), EscapeHtml(route.summary),
        route.access.open ? std::string("Open to all.")
                          : fmt::format("Role: {}.", ToString(route.access.role)));
    for (const Parameter& parameter : route.parameters) {
      page += fmt::format("<li><code>{}</code> {}</li>", EscapeHtml(parameter.name),
                          EscapeHtml(parameter.description));
    }
    page += "</ul><ul>";
    for (const RouteAnswer& answer : AllAnswers(route)) {
      page += fmt::format("<li>{}: {}</li>", answer.status, EscapeHtml(answer.description));
    }
    page += "</ul>";
    if (!route.request_schema.empty()) {
      page += fmt::format("<details><summary>Body (JSON Schema)</summary><pre>{}</pre></details>",
                          EscapeHtml(route.request_schema));
    }
    page += "</section>";
  }
  return page + "</body></html>\n";
}

}  // namespace

Status AddDocumentationRoutes(Router& router, Service& service) {
  // Rendered once: the routes do not change after the start.
  const auto document =
      std::make_shared<const std::string>(OpenApiDocument(router, service.version));
  const auto page = std::make_shared<const std::string>(DocumentationPage(router, service.version));
  DATALAKE_TRY(router.Add({.method = "GET",
                           .path = "/openapi.json",
                           .summary = "The OpenAPI description of this API",
                           .tag = "Documentation",
                           .access = Access::Open(),
                           .execution = Execution::kInline,
                           .answers = {{200, "the description"}},
                           .handle = [document](const Request&, const Responder& respond) {
                             respond({.body = *document});
                           }}));
  for (const std::string_view path : {"/docs", "/redoc"}) {  // the seeds' framework has both
    DATALAKE_TRY(router.Add(
        {.method = "GET",
         .path = path,
         .summary = "This API for people",
         .tag = "Documentation",
         .access = Access::Open(),
         .execution = Execution::kInline,
         .answers = {{200, "a page of HTML", R"({"type":"string"})", "text/html; charset=utf-8"}},
         .handle = [page](const Request&, const Responder& respond) {
           respond({.content_type = "text/html; charset=utf-8",
                    .headers = {{"Content-Security-Policy",
                                 "default-src 'none'; style-src "
                                 "'unsafe-inline'; frame-ancestors 'none'"}},
                    .body = *page});
         }}));
  }
  return {};
}

}  // namespace datalake::server
