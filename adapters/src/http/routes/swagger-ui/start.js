// The document is beside the folder of this script, below whatever path a proxy puts both.
SwaggerUIBundle({
  dom_id: "#ui",
  url: new URL("../openapi.json", document.currentScript.src).href,
  deepLinking: true,
  validatorUrl: null,
});
