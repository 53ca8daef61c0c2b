// Ours, the other files are those of Swagger UI: see README.md. A file of its own, because the
// page's content security policy allows no script inside the page.
SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  // The validator is a service on the internet.
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
