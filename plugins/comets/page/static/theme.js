// Applies the appearance chosen in Airflow, which is in local storage; defaults to the system's.
"use strict";

(() => {
  const root = document.documentElement;

  function follow() {
    const chosen = localStorage.getItem("theme");
    root.style.colorScheme = chosen === "light" || chosen === "dark" ? chosen : "";
    root.dispatchEvent(new Event("themechange"));
  }

  follow();
  window.addEventListener("storage", (event) => {
    if (event.key === "theme" || event.key === null) {
      follow();
    }
  });
})();
