// Refreshes the changing part of the page every 5 s. ES5: it runs on very old phones, and without
// it the page refreshes itself whole. It keeps nothing and sends nothing.
(function () {
  "use strict";
  var EVERY_MS = 5000;
  var live = document.getElementById("live");
  var lost = document.getElementById("lost");
  var pause = document.getElementById("pause");
  var answered = new Date();
  var paused = false;
  if (!window.XMLHttpRequest || !live) {
    return;
  }

  function show(element, visible) {
    if (visible) {
      element.removeAttribute("hidden");
    } else {
      element.setAttribute("hidden", "");
    }
  }

  function two(number) {
    return (number < 10 ? "0" : "") + number;
  }

  function answer(request) {
    if (request.status === 404) { // this page is older than the gateway's program
      window.location.reload();
    } else if (request.status === 200) {
      answered = new Date();
      live.innerHTML = request.responseText;
      show(lost, false);
    } else {
      document.getElementById("since").textContent =
        [answered.getHours(), answered.getMinutes(), answered.getSeconds()].map(two).join(":");
      show(lost, true);
    }
  }

  function refresh() {
    var request;
    if (paused || document.hidden) {
      window.setTimeout(refresh, 1000);
      return;
    }
    request = new XMLHttpRequest();
    request.open("GET", live.getAttribute("data-url"), true);
    request.timeout = 10000;
    request.onreadystatechange = function () {
      if (request.readyState === 4) {
        window.setTimeout(refresh, EVERY_MS);
        if (!paused) {
          answer(request);
        }
      }
    };
    request.send();
  }

  pause.onclick = function () {
    paused = !paused;
    pause.innerHTML = paused ? "Resume updates" : "Pause updates";
  };
  show(pause, true);
  window.setTimeout(refresh, EVERY_MS);
}());
